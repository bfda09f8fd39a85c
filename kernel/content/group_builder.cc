#include "kernel/content/group_builder.h"

#include <algorithm>

namespace l2p {

Subtree GroupBuilder::Leaf(Cid cid, uint32_t block_bytes) {
  Subtree leaf;
  AppendPacked({cid.hash(), block_bytes}, leaf.packed_leaves);
  leaf.cid = std::move(cid);
  leaf.dag_bytes = block_bytes;
  leaf.leaves = 1;
  return leaf;
}

absl::StatusOr<Subtree> GroupBuilder::Node(Cid cid, uint32_t block_bytes,
                                           std::span<Subtree> children) {
  Subtree node;
  AppendPacked({cid.hash(), block_bytes}, node.packed_nodes);
  node.cid = std::move(cid);
  node.dag_bytes = block_bytes;
  for (const Subtree& child : children) {
    node.dag_bytes += child.dag_bytes;
    node.content_bytes += child.content_bytes;
    node.leaves = std::min(node.leaves + child.leaves, kMaxGroupLeaves + 1);
  }
  for (Subtree& child : children) {
    if (node.over()) {
      L2P_RETURN_IF_ERROR(Separate(child));
    } else {
      node.packed_nodes += std::exchange(child.packed_nodes, {});
      node.packed_leaves += std::exchange(child.packed_leaves, {});
    }
  }
  if (node.over()) L2P_RETURN_IF_ERROR(Separate(node));
  return node;
}

absl::Status GroupBuilder::Separate(Subtree& subtree) {
  if (subtree.grouped) return absl::OkStatus();
  subtree.grouped = true;
  Group group{subtree.cid.hash(), *UnpackDistinct(AsBytes(subtree.packed_nodes)),
              *UnpackDistinct(AsBytes(subtree.packed_leaves))};
  subtree.packed_nodes = {};
  subtree.packed_leaves = {};
  return handed_over_.insert(group.id).second ? sink_(std::move(group)) : absl::OkStatus();
}

}  // namespace l2p
