#ifndef L2P_KERNEL_CONTENT_GROUP_BUILDER_H_
#define L2P_KERNEL_CONTENT_GROUP_BUILDER_H_

#include <functional>
#include <span>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "l2p/cid.h"
#include "l2p/dag_pb.h"
#include "l2p/group.h"

namespace l2p {

// A finished part of a dag and, until they are in a group, the blocks it is made of (about 40 bytes
// each). A value.
struct Subtree {
  Cid cid;
  uint64_t content_bytes = 0;  // Of a file.
  uint64_t dag_bytes = 0;      // Of all blocks, each counted once per occurrence.
  // Blocks without links, each counted once per occurrence; kMaxGroupLeaves + 1 stands for more.
  size_t leaves = 0;
  bool grouped = false;      // Its blocks are in groups already, and no longer listed here.
  std::string packed_nodes;  // Depth first, its own root first.
  std::string packed_leaves;

  bool over() const { return leaves > kMaxGroupLeaves; }
};

// A GroupBuilder cuts a dag that is built from its leaves up into groups (see Group), and hands
// each over as soon as it is certain: when the parent is known to have too many leaves. A group
// that occurs more than once is handed over once.
//
// One task at a time.
class GroupBuilder {
 public:
  using Sink = std::function<absl::Status(Group group)>;

  explicit GroupBuilder(Sink sink) : sink_(std::move(sink)) {}

  static Subtree Leaf(Cid cid, uint32_t block_bytes);

  // The node `cid` above `children`, in order; takes their lists over.
  absl::StatusOr<Subtree> Node(Cid cid, uint32_t block_bytes, std::span<Subtree> children);

  // `subtree` and its siblings-to-be have too many leaves for one group: hands its own over, unless
  // that has been done.
  absl::Status Separate(Subtree& subtree);

  // The last call.
  absl::Status Finish(Subtree& root) { return Separate(root); }

 private:
  Sink sink_;
  absl::flat_hash_set<Multihash> handed_over_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_GROUP_BUILDER_H_
