#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_NETWORK_SIZE_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_NETWORK_SIZE_H_

#include <deque>
#include <optional>
#include <span>

#include "l2p/event.h"
#include "l2p/mutex.h"
#include "position.h"

namespace l2p::kademlia {

// How densely the swarm's servers lie in the key space, learnt from lookups of keys that this node
// drew itself or of its id: where the nearest twenty of a key should end, then, is known, and
// whoever put ids of their own between a key and its holders is seen. [any thread]
class NetworkSize {
 public:
  // The median of so many lookups counts: few, for swarms grow; and some of them may be of a place
  // where somebody put many ids.
  static constexpr size_t kLookups = 5;
  // Twenty peers that fill less than this part of the space that twenty should are no chance:
  // it happens once in some ten thousand lookups, at the worst estimate.
  static constexpr double kCrowded = 1.0 / 3;

  explicit NetworkSize(size_t closest) : closest_(closest) {}

  // What a lookup of a random key saw: the distances of the nearest, nearest first.
  void Learn(std::span<const Position> nearest);

  // Servers in the swarm, about; 0 as long as nothing is known.
  double Estimate() const;

  // Within which distance of a key `closest` servers are expected; zero when nothing is known, so
  // nobody is nearer.
  Position Reach() const;

  // How deep the regions of the key space are that hold two to four times `closest` servers;
  // everybody within Reach of a key is in the key's region. Nullopt when nothing is known.
  std::optional<size_t> RegionDepth() const;

  // Whether the `nearest` of a key lie so close that somebody put them there.
  bool IsCrowded(std::span<const Position> nearest) const;

 private:
  const size_t closest_;
  mutable Mutex mutex_{"NetworkSize"};
  // The share of the key space per server, as each lookup saw it.
  std::deque<double> shares_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_NETWORK_SIZE_H_
