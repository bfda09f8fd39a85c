#ifndef L2P_KERNEL_NETWORK_WORK_QUEUE_H_
#define L2P_KERNEL_NETWORK_WORK_QUEUE_H_

#include <deque>
#include <functional>

#include "l2p/runtime.h"

namespace l2p {

// A WorkQueue runs work in order of arrival in at most `most_running` tasks, and holds at most
// `most_queued` pieces of work that wait for one. [any thread]; its owner outlives the work.
class WorkQueue {
 public:
  WorkQueue(Runtime& runtime, const char* name, size_t most_running, size_t most_queued);

  // False when the queue is full or has ended: `work` is dropped.
  bool Submit(std::function<void()> work);

  // Starts a task for work that found none when it came (the node was at its cap of tasks).
  void Retry();

  // Refuses further work, drops what is queued and waits for what is running.
  void Join();

 private:
  void Run();

  const char* const name_;
  const size_t most_running_;
  const size_t most_queued_;
  Mutex mutex_{"WorkQueue"};
  std::deque<std::function<void()>> queue_ L2P_GUARDED_BY(mutex_);
  size_t running_ L2P_GUARDED_BY(mutex_) = 0;
  bool ended_ L2P_GUARDED_BY(mutex_) = false;
  TaskGroup group_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_WORK_QUEUE_H_
