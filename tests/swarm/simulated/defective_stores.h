#ifndef L2P_TESTS_SWARM_SIMULATED_DEFECTIVE_STORES_H_
#define L2P_TESTS_SWARM_SIMULATED_DEFECTIVE_STORES_H_

#include "l2p/plugin.h"

namespace l2p {

// Plugins of kind storage for nodes that do not keep their word. They store with the built pack.

// "lying": gives away other bytes than those that were put.
extern const PluginDescriptor kLyingStore;

// "unsynced": says that what was put is durable, and does nothing for it.
extern const PluginDescriptor kUnsyncedStore;

}  // namespace l2p

#endif  // L2P_TESTS_SWARM_SIMULATED_DEFECTIVE_STORES_H_
