#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_ADDRESS_SCOPE_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_ADDRESS_SCOPE_H_

#include <vector>

#include "l2p/multiaddr.h"

namespace l2p::kademlia {

// Reachable from anywhere: a public address, or a name that somebody chose to announce.
bool IsPublic(const Multiaddr& address);
bool IsPublic(const PeerInfo& peer);

// Whether the two meet on a LAN, or on this machine when one of them is nowhere else.
bool ShareScope(const PeerInfo& a, const PeerInfo& b);

void KeepPublic(std::vector<Multiaddr>& addresses);

// Drops the addresses that `teller` has no business to know: private ones if it is a public peer
// itself, and those of this machine if it is not on it. Otherwise any peer could have us knock at
// the doors of our own network.
void KeepCredible(const PeerInfo& teller, std::vector<PeerInfo>& told);

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_ADDRESS_SCOPE_H_
