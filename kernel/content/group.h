#ifndef L2P_KERNEL_CONTENT_GROUP_H_
#define L2P_KERNEL_CONTENT_GROUP_H_

#include <optional>
#include <string>
#include <vector>

#include "l2p/cid.h"
#include "l2p/group.h"

namespace l2p {

// Lists of blocks in little memory, as they are kept while a dag grows and in Holdings' rows:
// packed := (multihash, varint size)*
void AppendPacked(const BlockRef& block, std::string& packed);
// Each block once, in order of first occurrence; nullopt when `packed` is malformed.
std::optional<std::vector<BlockRef>> UnpackDistinct(ByteView packed);

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_GROUP_H_
