#ifndef L2P_TESTKIT_ROUTER_CONFORMANCE_H_
#define L2P_TESTKIT_ROUTER_CONFORMANCE_H_

#include "l2p/router.h"
#include "l2p/testkit/conformance.h"

namespace l2p::testkit {

// The contract of l2p/router.h, in simulated networks of one to thirty nodes.
std::vector<ConformanceCase> RouterConformance(Factory<Router> factory, HostFactory hosts);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_ROUTER_CONFORMANCE_H_
