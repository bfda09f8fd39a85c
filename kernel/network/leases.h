#ifndef L2P_KERNEL_NETWORK_LEASES_H_
#define L2P_KERNEL_NETWORK_LEASES_H_

#include <atomic>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernel/content/holdings.h"
#include "kernel/loader/slot.h"
#include "l2p/crypto.h"
#include "l2p/router.h"

namespace l2p {

inline constexpr char kLeasesProtocol[] = "/l2p/leases/1.0.0";

// "90d", "12h" or "forever".
absl::StatusOr<Duration> ParseLease(std::string_view text);

// Leases are what joins an owner's objects to the promises of holders after the push: the owner
// prolongs them while its node runs, and ends them when the object is removed, by messages it signs
// (docs/protocol.md). A holder acts only on promises made to the key that has signed, and on those
// whose group record that key has signed: another peer may have brought them, to repair the group.
//
// [any thread] between Start and Stop.
class Leases {
 public:
  static constexpr size_t kMaxGroups = 1000;  // In one request.
  static constexpr size_t kMaxRequest = 128 * 1024;
  static constexpr size_t kMaxEnding = 100'000;  // Groups whose holders are still to be told.
  static constexpr Duration kEndingFor = absl::Hours(24 * 7);  // Then they are given up.
  static constexpr Duration kFresh = absl::Minutes(10);        // Between the two clocks.
  static constexpr Duration kPeriod = absl::Minutes(1);

  struct Parts {  // All lent; they outlive this.
    Runtime& runtime;
    State& state;
    Holdings& holdings;
    PluginSlot<Router>& router;
    Messenger& messenger;
    const Identity& identity;
    const Crypto& crypto;
  };
  explicit Leases(Parts parts);
  ~Leases();

  absl::Status Start();
  void Stop();

  // To be committed with the removal of an object: once it is, all holders of those of its `groups`
  // that nothing else wants are told, as soon as they can be found, that this node's user no longer
  // wants them.
  std::vector<State::Change> EndsOf(std::span<const Multihash> groups) const;
  // Begins with that now, and not within kPeriod. Does not wait for it.
  absl::Status TellSoon();

  // When an object that was put now is to be looked after first.
  static Time FirstRenewal(Time now, Duration lease);

 private:
  absl::StatusOr<std::optional<Bytes>> Answer(ByteView request);
  // For whom a promise is kept that `owner` may end or prolong.
  absl::StatusOr<std::vector<PeerId>> PushersFor(const Multihash& group, const PeerId& owner) const;
  absl::StatusOr<bool> EndHere(const Multihash& group, const PeerId& owner);
  // Until when it is held now; nullopt if not.
  absl::StatusOr<std::optional<Time>> RenewHere(const Multihash& group, const PeerId& owner,
                                                Time until);
  absl::StatusOr<std::string> Sign(std::span<const Multihash> groups, bool end, Time until,
                                   const PeerId& holder) const;
  // What `holder` says of each group: until when it keeps it, nullopt if not.
  absl::StatusOr<std::vector<std::optional<Time>>> Ask(const PeerInfo& holder,
                                                       std::span<const Multihash> groups, bool end,
                                                       Time until);
  void Work();
  void RenewRoots();
  void RenewRoot(Root root);
  void TellOfEnds();
  bool TellOfRow(const State::Row& row);
  bool TellOfEnd(const Multihash& group, std::vector<PeerId>& missed);
  std::vector<PeerInfo> HoldersOf(const Multihash& group);

  const Parts parts_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> telling_ = false;
  std::unique_ptr<Registration> serving_;
  std::unique_ptr<Registration> timer_;
  TaskGroup tasks_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_LEASES_H_
