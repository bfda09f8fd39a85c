#ifndef L2P_TESTKIT_HASHER_CONFORMANCE_H_
#define L2P_TESTKIT_HASHER_CONFORMANCE_H_

#include "l2p/hasher.h"
#include "l2p/testkit/conformance.h"

namespace l2p::testkit {

// The contract of l2p/hasher.h. `world` gives the Host that `factory` gets. Digests are compared
// with published ones where `code()` is a function that l2p knows.
std::vector<ConformanceCase> HasherConformance(Factory<Hasher> factory, WorldFactory world);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_HASHER_CONFORMANCE_H_
