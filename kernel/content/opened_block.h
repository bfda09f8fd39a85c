#ifndef L2P_KERNEL_CONTENT_OPENED_BLOCK_H_
#define L2P_KERNEL_CONTENT_OPENED_BLOCK_H_

#include <string>

#include "l2p/dag_pb.h"
#include "l2p/memory.h"

namespace l2p {

// What an id (and a path below it) names.
struct Stat {
  Cid id;
  enum class Type { kFile, kFolder, kLink } type = Type::kFile;
  uint64_t size = 0;   // Content bytes of a file.
  std::string target;  // Of a link.
};

// What the first block of a file, folder or link turns out to be.
struct OpenedBlock {
  Stat stat;
  Bytes block;
  DagNode node;  // Unless it is a raw block.
};

// InvalidArgument when `block` is not UnixFS; names `id`.
absl::StatusOr<OpenedBlock> OpenBlock(const Cid& id, Bytes block);

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_OPENED_BLOCK_H_
