#ifndef L2P_TESTS_SWARM_SIMULATED_SLOW_ROUTER_H_
#define L2P_TESTS_SWARM_SIMULATED_SLOW_ROUTER_H_

#include "l2p/plugin.h"

namespace l2p {

// A plugin of kind routing, "slow": the built kademlia, but a second passes before each provider
// that it finds after the first.
extern const PluginDescriptor kSlowRouter;

}  // namespace l2p

#endif  // L2P_TESTS_SWARM_SIMULATED_SLOW_ROUTER_H_
