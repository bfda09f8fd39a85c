#include "l2p/group.h"

#include <limits>

#include "absl/container/flat_hash_set.h"
#include "l2p/varint.h"

namespace l2p {

void AppendPacked(const BlockRef& block, std::string& packed) {
  packed += block.id.bytes();
  AppendVarint(block.size, packed);
}

std::string Pack(const std::vector<BlockRef>& blocks) {
  std::string packed;
  for (const BlockRef& block : blocks) AppendPacked(block, packed);
  return packed;
}

std::optional<std::vector<BlockRef>> UnpackDistinct(ByteView packed) {
  std::vector<BlockRef> blocks;
  absl::flat_hash_set<Multihash> seen;
  while (!packed.empty()) {
    absl::StatusOr<Multihash> id = Multihash::Take(packed);
    if (!id.ok()) return std::nullopt;
    const std::optional<uint64_t> size = TakeVarint(packed);
    if (!size || *size > std::numeric_limits<uint32_t>::max()) return std::nullopt;
    if (!seen.insert(*id).second) continue;
    blocks.push_back({*std::move(id), static_cast<uint32_t>(*size)});
  }
  return blocks;
}

}  // namespace l2p
