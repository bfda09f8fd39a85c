#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_NETWORKS_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_NETWORKS_H_

#include <cstdint>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "l2p/multiaddr.h"

namespace l2p::kademlia {

// The networks in which a peer says it is, as numbers that tell them apart. Whoever has one address
// of such a network can have many. Sorted, each once.
struct Networks {
  using List = absl::InlinedVector<uint64_t, 1>;

  List narrow;  // IPv4 /24, IPv6 /48.
  List wide;    // IPv4 /16, IPv6 /32.

  // Private and loopback addresses count only with `all`.
  static Networks Of(const std::vector<Multiaddr>& addresses, bool all);

  friend bool operator==(const Networks&, const Networks&) = default;
};

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_NETWORKS_H_
