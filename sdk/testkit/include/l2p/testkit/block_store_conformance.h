#ifndef L2P_TESTKIT_BLOCK_STORE_CONFORMANCE_H_
#define L2P_TESTKIT_BLOCK_STORE_CONFORMANCE_H_

#include "l2p/block_store.h"
#include "l2p/testkit/conformance.h"

namespace l2p::testkit {

// The contract of l2p/block_store.h. What a store keeps across restarts and power cuts is checked
// if its Usage() says `durable`, and otherwise that it begins empty. Power cuts, full disks and
// damage need a World with a disk(); without one those cases only restart.
std::vector<ConformanceCase> BlockStoreConformance(Factory<BlockStore> factory, WorldFactory world);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_BLOCK_STORE_CONFORMANCE_H_
