#ifndef L2P_KERNEL_CONTENT_SHARES_H_
#define L2P_KERNEL_CONTENT_SHARES_H_

#include <map>
#include <string>

#include "l2p/event.h"
#include "l2p/multiaddr.h"
#include "l2p/peer_id.h"
#include "l2p/status.h"

namespace l2p {

// What others may make a node keep.
struct ShareLimits {
  uint64_t bytes_per_peer = 0;                  // placement.quota_per_peer
  uint64_t bytes_per_network = 0;               // placement.quota_per_network
  uint64_t blocks_per_peer = 0;                 // placement.blocks_per_peer
  Duration longest = absl::InfiniteDuration();  // placement.max_lease
};

// The network that `address` belongs to as far as limits go: its /24 (IPv6: /48) if it is public,
// "" otherwise.
std::string PublicNetworkOf(const Multiaddr& address);

// The Shares count what is kept, and what is being received, for each owner and each public
// network. A new identity costs nothing, a new /24 does. [any thread]
class Shares {
 public:
  // What one owner, and all together, may make this node remember.
  static constexpr size_t kMaxGroupsPerPeer = 100'000;
  static constexpr size_t kMaxGroups = 1'000'000;

  explicit Shares(ShareLimits limits) : limits_(limits) {}

  // What one promise takes.
  struct Load {
    uint64_t bytes = 0;
    uint64_t blocks = 0;
  };

  // Adds `load` if it keeps within all limits; ResourceExhausted names the one that it does not.
  absl::Status TryAdd(const PeerId& owner, const std::string& network, Load load);
  // Adds it all the same: it has been promised before, or is this node's own.
  void Add(const PeerId& owner, const std::string& network, Load load);
  void Remove(const PeerId& owner, const std::string& network, Load load);

  uint64_t BytesFor(const PeerId& owner) const;
  uint64_t TotalBytes() const;
  const ShareLimits& limits() const { return limits_; }

 private:
  struct Total {
    uint64_t bytes = 0;
    uint64_t blocks = 0;
    size_t groups = 0;
  };
  void AddLocked(const PeerId& owner, const std::string& network, Load load) L2P_REQUIRES(mutex_);
  static void Take(Total& total, Load load);

  const ShareLimits limits_;
  mutable Mutex mutex_{"Shares"};
  Total all_ L2P_GUARDED_BY(mutex_);
  std::map<PeerId, Total> by_owner_ L2P_GUARDED_BY(mutex_);
  std::map<std::string, Total> by_network_ L2P_GUARDED_BY(mutex_);
};

// A Reservation holds room in the Shares for a push that is under way. Movable.
class Reservation {
 public:
  Reservation() = default;
  static absl::StatusOr<Reservation> Make(Shares& shares, const PeerId& owner,
                                          const std::string& network, Shares::Load load);
  ~Reservation() { Release(); }
  Reservation(Reservation&& other) noexcept { *this = std::move(other); }
  Reservation& operator=(Reservation&& other) noexcept;

  void Release();  // Idempotent.

 private:
  Shares* shares_ = nullptr;
  PeerId owner_;
  std::string network_;
  Shares::Load load_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_SHARES_H_
