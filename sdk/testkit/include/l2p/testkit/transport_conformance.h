#ifndef L2P_TESTKIT_TRANSPORT_CONFORMANCE_H_
#define L2P_TESTKIT_TRANSPORT_CONFORMANCE_H_

#include "l2p/testkit/conformance.h"
#include "l2p/transport.h"

namespace l2p::testkit {

// The contract of l2p/transport.h, between two or three nodes of a World, simulated or real.
std::vector<ConformanceCase> TransportConformance(Factory<Transport> factory, WorldFactory world);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_TRANSPORT_CONFORMANCE_H_
