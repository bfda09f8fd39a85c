#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_ROUTING_TABLE_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_ROUTING_TABLE_H_

#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "l2p/event.h"
#include "l2p/multiaddr.h"
#include "l2p/mutex.h"
#include "message.h"
#include "networks.h"
#include "position.h"

namespace l2p::kademlia {

// A peer and where it is in the key space. Immutable and shared: tables, lookups and answers name
// the same peers again and again.
struct Contact {
  PeerInfo peer;
  Position position;
  PeerBody body = {};  // Only of those in a table, which are told again and again.
};
using ContactPtr = std::shared_ptr<const Contact>;

// A RoutingTable keeps servers of one protocol in buckets by the common prefix of their position
// and ours. A good old contact is never displaced: who finds a bucket full, or its network
// overrepresented, waits among the bucket's replacements until one is dropped. [any thread]
class RoutingTable {
 public:
  struct Options {
    size_t bucket_size = 20;     // And the most replacements of a bucket.
    bool diversity_all = false;  // Private and loopback addresses count as public ones do.
    size_t most_of_wide = 0;     // Contacts of one IPv4 /16 or IPv6 /32; 0: any number.
    Duration first_check = absl::Minutes(10);  // After which silence a contact is asked at first;
    Duration least_check = absl::Seconds(30);  // and the bounds of that.
    Duration most_check = absl::Hours(7);
  };

  // Contacts of one network (IPv4 /24, IPv6 /48), counting public addresses only.
  static constexpr size_t kMostOfNetworkInBucket = 2;
  static constexpr size_t kMostOfNetworkInTable = 10;
  // So many failures in a row and a contact is dropped; after the first it is told to nobody.
  static constexpr int kMostFailures = 3;

  // A bucket is of most use when its contacts lie apart: of 20 all over a bucket the nearest to
  // some key is nearer than of 20 in a corner. So while the table forms a newcomer to an emptier
  // part (of kParts) of a full bucket takes the place of the latest in the fullest one; from
  // kForming after it came on, or from Keep on, a contact is never displaced.
  static constexpr size_t kPartBits = 4;
  static constexpr size_t kParts = size_t{1} << kPartBits;
  static constexpr Duration kForming = absl::Minutes(2);

  // Of the table's contacts, such a share is to be gone without our knowing it: a contact is asked
  // whether it is there after twice that share of the mean session seen lately.
  static constexpr double kStaleShare = 0.03;
  // How long contacts were watched, together, for what is "lately".
  static constexpr Duration kWatched = absl::Hours(120);

  RoutingTable(const Position& own, Options options) : own_(own), options_(options) {}

  // `peer` was heard of. False if it is to be offered: it is not here, or was at other addresses.
  bool Hear(const PeerInfo& peer, Time now);

  // `peer`, if it is here, is a good old contact, for example of the last run.
  void Keep(const PeerId& peer);

  // This peer speaks our protocol. Takes it in (or renews its addresses), or keeps it as a
  // replacement (false). Not one without addresses.
  bool Offer(Contact contact, Time now);

  // The outcome of a request. `took` is for a request over a standing connection only.
  void Answered(const PeerId& peer, std::optional<Duration> took, Time now);
  void Failed(const PeerId& peer);
  // It was not waited for. It stays good, but is to be asked soon.
  void Doubt(const PeerId& peer);

  // `peer` speaks our protocol no more.
  void Remove(const PeerId& peer);

  // The `n` nearest to `target`, nearest first; `good`: only those without a failure since they
  // last answered.
  std::vector<ContactPtr> Closest(const Position& target, size_t n, bool good) const;
  std::optional<PeerInfo> Find(const PeerId& peer) const;

  // What about nine in ten answers of this peer have kept to; nullopt before the first.
  std::optional<Duration> RttP90(const PeerId& peer) const;

  // Whom to ask whether they are there: those who failed to answer or are doubted, and those not
  // heard of for CheckPeriod; and when there will be one. Infinite future for an empty table.
  std::vector<PeerInfo> Doubtful(Time now) const;
  Time NextCheck() const;
  bool HasDoubts() const;

  // Adapts to how long peers stay.
  Duration CheckPeriod() const;

  // Contacts taken in so far.
  uint64_t arrivals() const;

  // Those without failures, who have been here longest first.
  std::vector<PeerInfo> Best(size_t most) const;

  // Whether the bucket of those who have `index` bits in common with us is full.
  bool IsFull(size_t index) const;

  size_t size() const;

 private:
  struct Entry {
    ContactPtr contact;
    Networks networks;  // Those it was admitted with.
    uint8_t bucket = 0;
    uint8_t part = 0;
    Time since;
    Time heard;
    int failures = 0;
    bool doubted = false;
    bool kept = false;
    std::optional<Duration> rtt;  // Smoothed, as is its mean deviation.
    Duration rtt_deviation = {};
  };
  using Entries = std::vector<std::unique_ptr<Entry>>;
  struct Bucket {
    Entries entries;
    std::vector<Position> positions;  // Theirs, side by side: Closest goes through all of them.
    Entries replacements;             // The latest offered last.
  };

  std::unique_ptr<Entry> MakeEntry(Contact contact, Time now) const;
  // Takes `contact` out of the replacements. It comes back as if it were new; or nullptr, if it was
  // not there or at other addresses.
  static std::unique_ptr<Entry> TakeSpare(Bucket& bucket, const Contact& contact, Time now);
  Entry* FindEntry(const PeerId& peer) const L2P_REQUIRES(mutex_);
  // In the table, of the one of `networks` that has most.
  size_t MostOfOne(const Networks::List& networks) const L2P_REQUIRES(mutex_);
  bool AllowsNetworks(const Bucket& bucket, const Entry& entry) const L2P_REQUIRES(mutex_);
  bool HasRoom(const Bucket& bucket, const Entry& entry) const L2P_REQUIRES(mutex_);
  static bool HoldsMostOf(const Entries& entries, const Networks& networks);
  Entries::iterator FindDisplaced(Bucket& bucket, const Entry& entry, Time now)
      L2P_REQUIRES(mutex_);
  Entries::iterator FindReplacement(Bucket& bucket) L2P_REQUIRES(mutex_);
  void Spare(Bucket& bucket, std::unique_ptr<Entry> entry) L2P_REQUIRES(mutex_);
  void Hear(Entry& entry, Time now) L2P_REQUIRES(mutex_);
  // Appends the nearest of `bucket` until there are `n`.
  static void TakeNearest(const Bucket& bucket, const Position& target, size_t n, bool good,
                          std::vector<ContactPtr>& closest);
  Duration Period() const L2P_REQUIRES(mutex_);
  void Insert(Bucket& bucket, std::unique_ptr<Entry> entry) L2P_REQUIRES(mutex_);
  std::unique_ptr<Entry> Extract(Bucket& bucket, Entries::iterator entry) L2P_REQUIRES(mutex_);
  void Drop(const PeerId& peer) L2P_REQUIRES(mutex_);
  void Renew(Entry& entry, Contact contact) L2P_REQUIRES(mutex_);

  const Position own_;
  const Options options_;
  mutable Mutex mutex_{"RoutingTable"};
  std::vector<Bucket> buckets_ L2P_GUARDED_BY(mutex_);  // By common prefix, as deep as needed.
  absl::flat_hash_map<PeerId, Entry*> index_ L2P_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, size_t> networks_ L2P_GUARDED_BY(mutex_);  // Of both widths.
  uint64_t arrivals_ L2P_GUARDED_BY(mutex_) = 0;
  // The time that contacts were here, all added up, and how many of them went.
  Duration watched_ L2P_GUARDED_BY(mutex_);
  double gone_ L2P_GUARDED_BY(mutex_) = 0;
};

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_ROUTING_TABLE_H_
