#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_ANNOUNCER_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_ANNOUNCER_H_

#include <map>
#include <span>
#include <string>
#include <vector>

#include "l2p/multihash.h"
#include "swarm.h"

namespace l2p::kademlia {

// An Announcer tells the peers closest to each key that this node provides it, again and again
// until the key is withdrawn. Keys go out in order of position: one lookup finds all servers of a
// region of the key space, which then serves every key in it, so that the number of lookups grows
// with the swarm, not with the keys. What a peer of the region is told goes out on one stream, many
// records at a time, which costs a quarter of as many streams. [any thread]
class Announcer {
 public:
  // Told of a key are the closest `replication` peers, and all who are nearer to it than so many
  // should be (see NetworkSize): who puts ids of their own next to a key displaces nobody. Of more
  // than kMostTold some at every distance are told.
  static constexpr size_t kMostTold = 100;

  struct Options {
    size_t replication = 20;
    Duration again = absl::Hours(22);
  };
  // After so long a key that reached nobody, or too few, is announced again once more are known.
  static constexpr Duration kFirstRetry = absl::Seconds(5);
  static constexpr Duration kRetry = absl::Minutes(1);
  // Keys whose records are made and told together.
  static constexpr size_t kMostTogether = 256;
  // All keys are announced in so many rounds a period at most: those due soon come early.
  static constexpr int kRounds = 4;

  // `swarm` is lent.
  Announcer(Swarm& swarm, Options options) : swarm_(swarm), options_(options) {}

  // Takes the keys in and announces them. InvalidArgument, with nothing taken in, for a key longer
  // than others accept; DeadlineExceeded or Aborted when some are still to be announced, which
  // AnnounceDue will do.
  absl::Status Announce(std::span<const Multihash> keys, Time deadline);
  void Withdraw(std::span<const Multihash> keys);
  bool Has(const std::string& key) const;

  // Announces what is due now; when there will be something next.
  void AnnounceDue();
  Time NextDue() const;

  // Lookups made so far.
  size_t lookups() const { return lookups_; }

 private:
  struct Own {
    Time announced;
    size_t reached = 0;  // Peers told.
  };
  struct Place {
    Position position;
    std::string key;
    size_t reached = 0;
  };

  // All servers whose positions share the first `depth` bits with `center`, and some others.
  struct Region {
    Position center;
    size_t depth = kPositionBits;
    std::vector<ContactPtr> servers;
  };

  Time DueAt(const Own& own, size_t known) const;
  absl::Status Sweep(std::vector<std::string> keys, Time deadline);
  absl::StatusOr<Region> Explore(const Place& place, Time deadline);
  static bool Contains(const Region& region, const Place& place);
  // How many of `places`, the first of which is in `region`, are told together.
  static size_t CountTogether(std::span<const Place> places, const Region& region);
  void Remember(std::span<const Place> places, Time now);
  std::vector<const Contact*> ToTell(const Place& place, const Region& region);
  // Tells whoever should know of them of `places`, and counts in each how many were reached. Who is
  // not reached is no longer of the region.
  void Tell(std::span<Place> places, Region& region, const PeerInfo& self, Time deadline);
  bool TellOne(const Contact& contact, std::span<const Bytes> records, Time deadline);

  Swarm& swarm_;
  const Options options_;
  std::atomic<size_t> lookups_ = 0;
  mutable Mutex mutex_{"Announcer"};
  std::map<std::string, Own> keys_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_ANNOUNCER_H_
