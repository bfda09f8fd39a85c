// What the coding tests share: groups of made-up blocks, and their pieces.
#ifndef L2P_TESTS_SDK_CODING_WORLD_H_
#define L2P_TESTS_SDK_CODING_WORLD_H_

#include <map>
#include <random>
#include <string>
#include <vector>

#include "l2p/coding.h"
#include "plugins/crypto/boringssl/boringssl_crypto.h"
#include "tests/sdk/format_bytes.h"

namespace l2p {

// A group in memory. The same sizes and seed make the same blocks.
class MadeGroup {
 public:
  MadeGroup(const std::vector<size_t>& leaf_sizes, const std::vector<size_t>& node_sizes,
            uint32_t seed = 1)
      : random_(seed) {
    for (const size_t size : node_sizes) group_.nodes.push_back(New(size));
    for (const size_t size : leaf_sizes) group_.leaves.push_back(New(size));
    group_.id = group_.nodes.empty() ? group_.leaves[0].id : group_.nodes[0].id;
  }

  const Group& group() const { return group_; }
  const std::string& BytesOf(const Multihash& id) const { return blocks_.at(id); }

  BlockReader Read() const {
    return [this](std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) {
      for (size_t i = 0; i < ids.size(); ++i) out[i] = Bytes::Copy(BytesOf(ids[i]));
    };
  }

  // The piece as it is stored.
  HeldPiece Hold(const Sidecar& sidecar, size_t stripe, size_t index) const {
    HeldPiece held{index, {}};
    if (sidecar.IsBlock(stripe, index)) {
      held.blocks = MakePieces({BoringsslCrypto()}, sidecar, stripe, {&index, 1}, Read()).value();
    } else {
      for (const BlockRef& block : sidecar.BlocksOf(stripe, index)) {
        held.blocks.push_back(Bytes::Copy(BytesOf(block.id)));
      }
    }
    return held;
  }

 private:
  BlockRef New(size_t size) {
    std::string bytes(size, '\0');
    for (char& byte : bytes) byte = static_cast<char>(random_());
    const Multihash id = Sha256Of(bytes);
    blocks_[id] = std::move(bytes);
    return {id, static_cast<uint32_t>(size)};
  }

  std::mt19937 random_;
  std::map<Multihash, std::string> blocks_;
  Group group_;
};

// Sizes like those of a source tree: many small, few large.
inline std::vector<size_t> TreeSizes(size_t count, uint32_t seed = 7) {
  std::mt19937 random(seed);
  std::vector<size_t> sizes;
  for (size_t i = 0; i < count; ++i) {
    const size_t scale = size_t{1} << (6 + random() % 11);
    sizes.push_back(1 + random() % scale);
  }
  return sizes;
}

}  // namespace l2p

#endif  // L2P_TESTS_SDK_CODING_WORLD_H_
