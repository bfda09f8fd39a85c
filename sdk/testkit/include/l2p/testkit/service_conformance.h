#ifndef L2P_TESTKIT_SERVICE_CONFORMANCE_H_
#define L2P_TESTKIT_SERVICE_CONFORMANCE_H_

#include "l2p/service.h"
#include "l2p/testkit/conformance.h"

namespace l2p::testkit {

// The contract of l2p/service.h: what any service keeps, whatever it does. It runs on a TestNode in
// a simulated network of one, with and without held groups, and where every call fails.
std::vector<ConformanceCase> ServiceConformance(Factory<Service> factory, HostFactory hosts);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SERVICE_CONFORMANCE_H_
