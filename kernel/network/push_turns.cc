#include "kernel/network/push_turns.h"

namespace l2p {

PushTurns::Turn::Turn(PushTurns& turns, const PeerId& holder) : turns_(turns), holder_(holder) {
  Await(turns_.mutex_, *turns_.ended_, absl::InfiniteFuture(),
        [this]() L2P_REQUIRES(turns_.mutex_) {
          size_t& running = turns_.running_[holder_];
          if (running >= kAtOnce) return false;
          ++running;
          return true;
        });
}

PushTurns::Turn::~Turn() {
  MutexLock lock(turns_.mutex_);
  const auto running = turns_.running_.find(holder_);
  if (--running->second == 0) turns_.running_.erase(running);
  turns_.ended_->Set();
}

}  // namespace l2p
