#include "kernel/network/work_queue.h"

namespace l2p {

WorkQueue::WorkQueue(Runtime& runtime, const char* name, size_t most_running, size_t most_queued)
    : name_(name),
      most_running_(most_running),
      most_queued_(most_queued),
      group_(runtime.tasks(), runtime.NewEvent()) {}

bool WorkQueue::Submit(std::function<void()> work) {
  {
    MutexLock lock(mutex_);
    if (ended_ || queue_.size() >= most_queued_) return false;
    queue_.push_back(std::move(work));
  }
  Retry();
  return true;
}

void WorkQueue::Retry() {
  {
    MutexLock lock(mutex_);
    if (queue_.empty() || running_ == most_running_) return;
    ++running_;
  }
  // Without a task the work stays queued: a running one or the next Retry takes it.
  if (group_.Start(name_, [this] { Run(); }).ok()) return;
  MutexLock lock(mutex_);
  --running_;
}

void WorkQueue::Run() {
  for (;;) {
    std::function<void()> work;
    {
      MutexLock lock(mutex_);
      if (queue_.empty()) {
        --running_;
        return;
      }
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

void WorkQueue::Join() {
  std::deque<std::function<void()>> dropped;
  {
    MutexLock lock(mutex_);
    ended_ = true;
    dropped.swap(queue_);
  }
  group_.Join();
}

}  // namespace l2p
