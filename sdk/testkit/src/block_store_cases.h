// What the two halves of the block store suite share.
#ifndef L2P_TESTKIT_SRC_BLOCK_STORE_CASES_H_
#define L2P_TESTKIT_SRC_BLOCK_STORE_CASES_H_

#include <string>
#include <vector>

#include "l2p/block_store.h"
#include "l2p/testkit/conformance.h"

namespace l2p::testkit {

// A block of `size` bytes of TestBytes(seed). Its id is made up: a store need not check it.
Block TestBlock(uint64_t seed, size_t size);
std::vector<Block> TestBlocks(uint64_t first_seed, size_t count, size_t size);
std::vector<Multihash> IdsOf(std::span<const Block> blocks);

absl::Status PutAll(BlockStore& store, std::span<const Block> blocks);
absl::Status DeleteAll(BlockStore& store, std::span<const Multihash> ids);

// OK if the store gives exactly these bytes, or NotFound, respectively.
absl::Status ExpectStored(BlockStore& store, const Block& block);
absl::Status ExpectAbsent(BlockStore& store, const Multihash& id);

// All ids, in the order of the Scan, read in pages of `most`.
absl::StatusOr<std::vector<Multihash>> ScanAll(BlockStore& store, size_t most);

// The cases about restarts, power cuts, damage and full disks.
std::vector<ConformanceCase> BlockStoreDurability(const Factory<BlockStore>& factory,
                                                  const WorldFactory& world);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SRC_BLOCK_STORE_CASES_H_
