#include "l2p/tasks.h"

namespace l2p {

TaskGroup::TaskGroup(Tasks& tasks, std::unique_ptr<Event> event)
    : tasks_(tasks), event_(std::move(event)) {}

TaskGroup::~TaskGroup() { Join(); }

absl::Status TaskGroup::Start(const char* name, std::function<void()> work) {
  {
    MutexLock lock(mutex_);
    if (joined_) return absl::AbortedError("the task group is stopping");
    ++running_;
  }
  // The last step of a task touches the group under the mutex only: Join may destroy it right
  // after.
  auto ended = [this] {
    MutexLock lock(mutex_);
    --running_;
    event_->Set();
  };
  // What `work` holds goes first: once Join has returned, what its destructors use may be gone.
  absl::Status status = tasks_.Start(name, [work = std::move(work), ended]() mutable {
    work();
    work = nullptr;
    ended();
  });
  if (!status.ok()) ended();
  return status;
}

void TaskGroup::Join() {
  {
    MutexLock lock(mutex_);
    joined_ = true;
  }
  Await(mutex_, *event_, absl::InfiniteFuture(),
        [this]() L2P_REQUIRES(mutex_) { return running_ == 0; });
}

}  // namespace l2p
