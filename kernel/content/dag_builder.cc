#include "kernel/content/dag_builder.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "l2p/unixfs.h"

namespace l2p {
namespace {

// As many nodes wait for the next chunks before they are stored without them.
constexpr size_t kMaxPending = 64;

}  // namespace

DagWriter::DagWriter(const Hasher& hasher, BlockService::Operation* operation,
                     GroupBuilder::Sink on_group)
    : hasher_(hasher),
      operation_(operation),
      groups_([this, on_group = std::move(on_group)](Group group) -> absl::Status {
        L2P_RETURN_IF_ERROR(Flush());
        return on_group ? on_group(std::move(group)) : absl::OkStatus();
      }) {}

Subtree DagWriter::AddChunk(Multihash id, Bytes data) {
  Subtree leaf = GroupBuilder::Leaf(Cid(Codec::kRaw, id), static_cast<uint32_t>(data.size()));
  leaf.content_bytes = data.size();
  if (operation_ != nullptr) pending_.push_back({std::move(id), std::move(data)});
  return leaf;
}

absl::StatusOr<Subtree> DagWriter::AddNode(std::string block, std::span<Subtree> children) {
  if (block.size() > kMaxBlock) {
    return absl::InvalidArgumentError(
        absl::StrCat("a dag node of ", block.size(), " bytes does not fit a block"));
  }
  const uint32_t size = static_cast<uint32_t>(block.size());
  Cid cid(Codec::kDagPb, HashOf(hasher_, AsBytes(block)));
  if (operation_ != nullptr) {
    pending_.push_back({cid.hash(), Bytes::Of(std::move(block))});
    if (pending_.size() >= kMaxPending) L2P_RETURN_IF_ERROR(Flush());
  }
  if (children.empty()) return GroupBuilder::Leaf(std::move(cid), size);
  return groups_.Node(std::move(cid), size, children);
}

absl::Status DagWriter::Finish(Subtree& root) {
  L2P_RETURN_IF_ERROR(Flush());
  return groups_.Finish(root);
}

absl::Status DagWriter::Flush() {
  if (pending_.empty()) return absl::OkStatus();
  return operation_->Put(std::exchange(pending_, {}));
}

absl::Status FileBuilder::Add(Subtree chunk) {
  // With this chunk to come, full nodes are certain to be complete.
  for (size_t level = 0; level < levels_.size() && levels_[level].size() == links_; ++level) {
    L2P_RETURN_IF_ERROR(CloseLevel(level));
  }
  if (levels_.empty()) levels_.emplace_back();
  levels_[0].push_back(std::move(chunk));
  return SeparateCertain();
}

// The children of an unfinished node are groups once it has too many leaves; all that is open below
// it will be its own.
absl::Status FileBuilder::SeparateCertain() {
  size_t leaves = levels_[0].size();
  for (size_t level = 1; level < levels_.size(); ++level) {
    for (const Subtree& child : levels_[level]) leaves += child.leaves;
    if (leaves <= kMaxGroupLeaves) continue;
    for (Subtree& child : levels_[level]) L2P_RETURN_IF_ERROR(writer_.Separate(child));
  }
  return absl::OkStatus();
}

absl::StatusOr<Subtree> FileBuilder::Finish() {
  for (size_t level = 0;; ++level) {
    if (level + 1 == levels_.size() && levels_[level].size() == 1) {
      Subtree root = std::move(levels_[level][0]);
      levels_.clear();
      return root;
    }
    L2P_RETURN_IF_ERROR(CloseLevel(level));
  }
}

absl::Status FileBuilder::CloseLevel(size_t level) {
  std::vector<Subtree> children = std::exchange(levels_[level], {});
  DagNode node;
  UnixFs message;
  message.file_size = 0;
  for (const Subtree& child : children) {
    node.links.push_back({child.cid, "", child.dag_bytes});
    message.block_sizes.push_back(child.content_bytes);
    *message.file_size += child.content_bytes;
  }
  node.data = EncodeUnixFs(message);
  L2P_ASSIGN_OR_RETURN(Subtree parent, writer_.AddNode(EncodeDagPb(node), children));
  if (level + 1 == levels_.size()) levels_.emplace_back();
  levels_[level + 1].push_back(std::move(parent));
  return absl::OkStatus();
}

absl::StatusOr<Subtree> AddSymlink(DagWriter& writer, std::string_view target) {
  UnixFs message;
  message.type = UnixFs::Type::kSymlink;
  message.data = target;
  DagNode node;
  node.data = EncodeUnixFs(message);
  return writer.AddNode(EncodeDagPb(node), {});
}

}  // namespace l2p
