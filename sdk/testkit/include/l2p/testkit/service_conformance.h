#ifndef L2P_TESTKIT_SERVICE_CONFORMANCE_H_
#define L2P_TESTKIT_SERVICE_CONFORMANCE_H_

#include "l2p/service.h"
#include "l2p/testkit/conformance.h"

namespace l2p::testkit {

// The contract of l2p/service.h: what any service keeps, whatever it does. It runs in a simulated
// network of one node that has no blocks.
std::vector<ConformanceCase> ServiceConformance(Factory<Service> factory, HostFactory hosts);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SERVICE_CONFORMANCE_H_
