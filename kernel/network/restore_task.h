#ifndef L2P_KERNEL_NETWORK_RESTORE_TASK_H_
#define L2P_KERNEL_NETWORK_RESTORE_TASK_H_

#include <memory>
#include <utility>
#include <vector>

#include "kernel/network/fetch_session.h"
#include "l2p/coding.h"

namespace l2p {

// A RestoreTask gives a FetchSession the blocks of one stripe that nobody has any more: it finds
// out which pieces can be had, fetches K of them through the session, decodes, and delivers what
// is wanted. A block that the reader wants, too, is fetched once.
//
// Runs once, in a task of the session.
class RestoreTask {
 public:
  RestoreTask(FetchSession& session, std::shared_ptr<const Sidecar> sidecar, size_t stripe);

  void Run();

 private:
  absl::Status Restore();
  // Up to K pieces all of whose blocks can be had, data first: the reader may want them anyway.
  std::vector<size_t> Choose() const L2P_REQUIRES(session_.mutex_);
  absl::Status Fetch(const std::vector<size_t>& pieces);
  absl::Status Decode(const std::vector<size_t>& pieces);

  FetchSession& session_;
  const std::shared_ptr<const Sidecar> sidecar_;
  const size_t stripe_;
  std::vector<std::vector<BlockRef>> blocks_;  // Of each piece.
  std::vector<BlockRef> all_;
  const std::shared_ptr<FetchSession::Basket> basket_;
  std::vector<std::pair<Multihash, Bytes>> restored_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_RESTORE_TASK_H_
