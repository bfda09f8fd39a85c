#ifndef L2P_KERNEL_CONTENT_DRAFT_H_
#define L2P_KERNEL_CONTENT_DRAFT_H_

#include <vector>

#include "kernel/content/holdings.h"

namespace l2p {

// A Draft is a root that is being made: it collects the dag's groups and commits them for this
// node's own user, many at a time. Destroyed before Finish it frees all that no other root needs.
//
// One task at a time.
class Draft {
 public:
  // All lent; they outlive this.
  Draft(Runtime& runtime, BlockService& blocks, Holdings& holdings);
  ~Draft();
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  // What the dag's blocks are put with.
  BlockService::Operation& operation() { return operation_; }

  // REQUIRES: operation() holds the group's blocks. They are durable after Finish.
  absl::Status Add(Group group);

  const std::vector<Multihash>& groups() const { return groups_; }

  // Commits `root` with all groups that were added: it survives a power cut when this returns OK.
  absl::Status Finish(Root root);

 private:
  absl::Status CommitPending();

  Runtime& runtime_;
  Holdings& holdings_;
  BlockService::Operation operation_;
  std::vector<Multihash> groups_;
  std::vector<Group> pending_;  // Not committed yet.
  uint64_t pending_bytes_ = 0;
  bool finished_ = false;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_DRAFT_H_
