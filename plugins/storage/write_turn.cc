#include "write_turn.h"

namespace l2p {

void WriteTurn::Take() {
  {
    MutexLock lock(mutex_);
    if (!taken_) {
      taken_ = true;
      return;
    }
  }
  const std::unique_ptr<Event> event = host_.NewEvent();
  {
    MutexLock lock(mutex_);
    if (!taken_) {
      taken_ = true;
      return;
    }
    waiting_.push_back(event.get());
  }
  event->Wait(absl::InfiniteFuture());
  // Give sets the event under the lock: once we have had it, the event may be destroyed.
  MutexLock lock(mutex_);
}

void WriteTurn::Give() {
  MutexLock lock(mutex_);
  if (waiting_.empty()) {
    taken_ = false;
    return;
  }
  // The turn passes on without being free in between, so no newcomer overtakes.
  waiting_.front()->Set();
  waiting_.pop_front();
}

}  // namespace l2p
