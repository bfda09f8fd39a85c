#ifndef L2P_KERNEL_NETWORK_HOLDER_TASK_H_
#define L2P_KERNEL_NETWORK_HOLDER_TASK_H_

#include <deque>
#include <memory>
#include <vector>

#include "kernel/network/fetch_session.h"

namespace l2p {

// A HolderTask speaks /l2p/blocks/1.0.0 with one holder for a FetchSession, until there is nothing
// left to ask it or it has to be left.
class HolderTask {
 public:
  HolderTask(FetchSession& session, FetchSession::Holder& holder);
  void Run();

 private:
  // What was asked and has not been answered, in order.
  struct Question {
    std::vector<Multihash> presence;  // Of a bitmap; else the question is `block`.
    Multihash block;
    Time sent;
    bool alone = false;  // Nothing else was on the way.
  };

  absl::Status Converse();
  // Asks what there is to ask; waits while nothing is on the way. False when it is time to end.
  absl::StatusOr<bool> Ask();
  absl::Status Hear();
  absl::Status HearBlock(const Multihash& id, uint32_t size);
  absl::StatusOr<size_t> Read(MutableByteView into);
  Buffer Room(size_t bytes);

  FetchSession& session_;
  FetchSession::Holder& holder_;
  std::shared_ptr<Stream> stream_;  // Shared with the session, which resets it when it ends.
  std::deque<Question> questions_;
  Time last_progress_;
  Time first_since_;  // The first question is the first.
  bool wrong_ = false;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_HOLDER_TASK_H_
