#ifndef L2P_TESTKIT_CHECK_PLUGIN_HOST_H_
#define L2P_TESTKIT_CHECK_PLUGIN_HOST_H_

#include <memory>

#include "l2p/testkit/conformance.h"

namespace l2p::testkit {

// Hosts for a plugin that is checked: the runtime's own folder and a table of it, no metrics.
// With `crypto`, which outlives the hosts, node i has a key pair of its own; without, a name only,
// crypto() aborts and Sign fails, as while a node opens its crypto plugin.
HostFactory CheckHosts(std::shared_ptr<const Crypto> crypto);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_CHECK_PLUGIN_HOST_H_
