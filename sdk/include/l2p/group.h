#ifndef L2P_GROUP_H_
#define L2P_GROUP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "l2p/multihash.h"

namespace l2p {

// A block by name and size.
struct BlockRef {
  Multihash id;
  uint32_t size = 0;

  friend bool operator==(const BlockRef&, const BlockRef&) = default;
};

inline constexpr size_t kMaxGroupLeaves = 1024;

// A Group is what is placed together: the largest subtree with at most kMaxGroupLeaves leaves,
// together with its dag nodes, named by its root's id. A block in no such subtree is a group of its
// own. Blocks are listed once each, in depth-first order, dag nodes and leaves apart.
struct Group {
  Multihash id;
  std::vector<BlockRef> nodes;   // Blocks with links; the root first if it is one.
  std::vector<BlockRef> leaves;  // Blocks without links.

  uint64_t bytes() const {
    uint64_t sum = 0;
    for (const BlockRef& block : nodes) sum += block.size;
    for (const BlockRef& block : leaves) sum += block.size;
    return sum;
  }
};

// Lists of blocks in little memory: packed := (multihash, varint size)*
L2P_SDK_API void AppendPacked(const BlockRef& block, std::string& packed);
L2P_SDK_API std::string Pack(const std::vector<BlockRef>& blocks);
// Each block once, in order of first occurrence; nullopt when `packed` is malformed.
L2P_SDK_API std::optional<std::vector<BlockRef>> UnpackDistinct(ByteView packed);

}  // namespace l2p

#endif  // L2P_GROUP_H_
