#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_ASK_EACH_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_ASK_EACH_H_

#include <functional>
#include <vector>

#include "message.h"
#include "swarm.h"

namespace l2p::kademlia {

// Puts one request to all of `peers`, the first first, some at a time, and tells the swarm who
// answered and who did not. `heard`, if any, sees each answer, without closer peers. Ends early at
// `deadline` and when the swarm stops.
void AskEach(Swarm& swarm, const std::vector<PeerInfo>& peers, const Message& request,
             Time deadline, const std::function<void(const Message&)>& heard = nullptr);

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_ASK_EACH_H_
