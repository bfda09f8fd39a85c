#ifndef L2P_TESTKIT_CHUNKER_CONFORMANCE_H_
#define L2P_TESTKIT_CHUNKER_CONFORMANCE_H_

#include "l2p/chunker.h"
#include "l2p/testkit/conformance.h"

namespace l2p::testkit {

// The contract of l2p/chunker.h. `world` gives the Host that `factory` gets.
std::vector<ConformanceCase> ChunkerConformance(Factory<Chunker> factory, WorldFactory world);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_CHUNKER_CONFORMANCE_H_
