#include "kernel/content/draft.h"

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

// A sync and a commit are shared by as many groups.
constexpr size_t kGroupsAtOnce = 256;
constexpr uint64_t kBytesAtOnce = uint64_t{1} << 30;

}  // namespace

Draft::Draft(Runtime& runtime, BlockService& blocks, Holdings& holdings)
    : runtime_(runtime), holdings_(holdings), operation_(blocks) {}

Draft::~Draft() {
  const std::vector<Multihash> blocks = operation_.ForgetAll();
  absl::Status status = finished_ ? absl::OkStatus() : holdings_.ReclaimUnneeded(blocks);
  status.Update(holdings_.Unwant(groups_));
  if (!status.ok()) {
    runtime_.Log(Severity::kWarning, "kernel",
                 absl::StrCat("free an unfinished put: ", status.ToString()));
  }
}

absl::Status Draft::Add(Group group) {
  holdings_.Want({&group.id, 1});
  groups_.push_back(group.id);
  pending_bytes_ += group.bytes();
  pending_.push_back(std::move(group));
  const bool full = pending_.size() >= kGroupsAtOnce || pending_bytes_ >= kBytesAtOnce;
  return full ? CommitPending() : absl::OkStatus();
}

absl::Status Draft::Finish(Root root) {
  L2P_RETURN_IF_ERROR(CommitPending());
  root.groups = groups_;
  L2P_RETURN_IF_ERROR(holdings_.AddRoot(root));
  finished_ = true;
  return absl::OkStatus();
}

absl::Status Draft::CommitPending() {
  if (pending_.empty()) return absl::OkStatus();
  L2P_RETURN_IF_ERROR(holdings_.Commit(pending_, {holdings_.self()}));
  for (const Group& group : pending_) {
    for (const BlockRef& block : group.nodes) operation_.Forget(block.id);
    for (const BlockRef& block : group.leaves) operation_.Forget(block.id);
  }
  pending_.clear();
  pending_bytes_ = 0;
  return absl::OkStatus();
}

}  // namespace l2p
