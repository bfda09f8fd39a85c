#ifndef L2P_KERNEL_RUNTIME_WORKER_POOL_H_
#define L2P_KERNEL_RUNTIME_WORKER_POOL_H_

#include <pthread.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

#include "l2p/status.h"

namespace l2p {

// A WorkerPool runs jobs on threads that it starts when none is idle and ends when they were idle
// for ten seconds. [any thread]
class WorkerPool {
 public:
  explicit WorkerPool(size_t max_jobs) : max_jobs_(max_jobs) {}

  // Waits for the running jobs.
  ~WorkerPool();

  // Runs `work` at once on a worker of its own. ResourceExhausted at max_jobs; Aborted while the
  // pool is being destroyed.
  absl::Status Start(const char* name, std::function<void()> work);

  size_t threads() const;

 private:
  struct Worker {
    const char* name = nullptr;
    std::function<void()> work;  // Empty: told to end.
    std::condition_variable called;
    bool has_call = false;
    pthread_t thread{};
  };

  absl::Status Spawn(const char* name, std::function<void()> work);
  void Run(Worker& worker);
  bool NextJob(Worker& worker);
  void JoinEnded(std::unique_lock<std::mutex>& lock);

  const size_t max_jobs_;
  mutable std::mutex mutex_;
  std::condition_variable all_ended_;
  // Taken from the back: the one that was busy last has the warmest cache, and the others may end.
  std::vector<Worker*> idle_;
  std::vector<pthread_t> ended_;  // To be joined.
  size_t threads_ = 0;
  bool stopping_ = false;
};

}  // namespace l2p

#endif  // L2P_KERNEL_RUNTIME_WORKER_POOL_H_
