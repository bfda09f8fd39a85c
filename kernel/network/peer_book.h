#ifndef L2P_KERNEL_NETWORK_PEER_BOOK_H_
#define L2P_KERNEL_NETWORK_PEER_BOOK_H_

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "l2p/multiaddr.h"
#include "l2p/runtime.h"

namespace l2p {

// Whether an address is worth anything to someone who is met over `remote`, and may be learnt from
// or told to them: loopback addresses only on this machine, private ones never over the internet,
// unspecified and multicast never.
bool UsableOver(const Multiaddr& remote, const Multiaddr& address);

// The PeerBook remembers peers: where they may be dialled, what they speak, how far away they are.
// Peers that were connected once are kept across restarts. Its caps forget what was least lately
// of use, peers that were never reached first. [any thread]
class PeerBook {
 public:
  static constexpr size_t kMostPeers = 10'000;
  static constexpr size_t kMostAddresses = 16;  // Of one peer.
  static constexpr size_t kMostProtocols = 128;
  static constexpr size_t kMostAgentBytes = 128;
  static constexpr size_t kRttSamples = 16;
  static constexpr Duration kFirstBackOff = absl::Seconds(1);  // Doubles with each failure.
  static constexpr Duration kLongestBackOff = absl::Minutes(5);
  static constexpr Duration kLongestAlone = absl::Seconds(5);
  // So many peers that fail in a row, with no other reached between them, are this node's own
  // fault: it was cut off. Once it reaches anyone, they have earned another try.
  static constexpr size_t kCutOff = 3;

  struct Identified {
    std::vector<Multiaddr> addresses;
    std::vector<std::string> protocols;
    std::string agent;
  };

  explicit PeerBook(Runtime& runtime) : runtime_(runtime) {}

  // Fills an empty book from the table "kernel" (keys "peer/<id>"), and writes what changed since
  // the last Save. A row that cannot be read is left out.
  absl::Status Load();
  absl::Status Save();

  // `peer` is connected and said this about itself; replaces what it said before.
  void SetIdentified(const PeerId& peer, Identified said);
  // `peer` is or was connected until now: its addresses have earned another try.
  void Seen(const PeerId& peer);

  void DialSucceeded(const PeerId& peer, const Multiaddr& address);
  // `wrong_peer`: another peer answered there, which does not change soon.
  void DialFailed(const PeerId& peer, const Multiaddr& address, bool wrong_peer);

  // Where to dial `to`: its addresses and those of the book, without those that failed lately;
  // those that worked last come first, then near before far. A node that is connected to nobody
  // does not wait longer than kLongestAlone: it may be its own link that is back.
  std::vector<Multiaddr> DialOrder(const PeerInfo& to, bool alone = false);

  std::optional<Identified> Find(const PeerId& peer);
  size_t size();

  // Up to `most` peers that were seen, the latest first: whom to try after a restart.
  std::vector<PeerInfo> Known(size_t most);

  void AddRtt(const PeerId& peer, Duration rtt);
  // Of the last kRttSamples round trips; nullopt before the first. `quantile` in [0, 1].
  std::optional<Duration> Rtt(const PeerId& peer, double quantile);

 private:
  struct Address {
    Time last_success = absl::InfinitePast();
    Time last_failure = absl::InfinitePast();
    Time retry_after = absl::InfinitePast();
    int failures = 0;
    bool announced = false;
  };
  struct Entry {
    bool seen = false;
    Time used = absl::InfinitePast();
    std::map<Multiaddr, Address> addresses;
    std::vector<std::string> protocols;
    std::string agent;
    std::deque<Duration> rtts;
  };
  using Usefulness = std::tuple<bool, Time, PeerId>;  // The least useful is forgotten first.

  Entry& Touch(const PeerId& peer, Time now, bool seen) L2P_REQUIRES(mutex_);
  static void CapAddresses(Entry& entry);
  static void EndBackOff(Entry& entry);
  void ReachedSomeone() L2P_REQUIRES(mutex_);
  static std::string Encode(const Entry& entry);
  static std::optional<Entry> Decode(const std::string& value);

  Runtime& runtime_;
  Mutex mutex_{"PeerBook"};
  std::map<PeerId, Entry> entries_ L2P_GUARDED_BY(mutex_);
  std::set<Usefulness> by_use_ L2P_GUARDED_BY(mutex_);
  std::set<PeerId> unsaved_ L2P_GUARDED_BY(mutex_);
  std::set<PeerId> failed_in_a_row_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_PEER_BOOK_H_
