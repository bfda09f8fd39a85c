#ifndef L2P_KERNEL_RUNTIME_WORKER_TASKS_H_
#define L2P_KERNEL_RUNTIME_WORKER_TASKS_H_

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "kernel/runtime/clock.h"
#include "kernel/runtime/worker_pool.h"
#include "l2p/tasks.h"

namespace l2p {

// Tasks on a WorkerPool, with one thread that hands out the timers that are due.
class WorkerTasks : public Tasks {
 public:
  // `clock` is lent and outlives this.
  WorkerTasks(const Clock& clock, size_t max_tasks);

  // Waits for running tasks. REQUIRES: no Registration is left.
  ~WorkerTasks() override;

  absl::Status Start(const char* name, std::function<void()> work) override;
  std::unique_ptr<Registration> After(const char* name, Duration delay,
                                      std::function<void()> work) override;
  std::unique_ptr<Registration> Every(const char* name, Duration period,
                                      std::function<void()> work) override;
  void Parallel(size_t count, const std::function<void(size_t)>& work) override;

  size_t threads() const { return pool_.threads(); }

 private:
  class TimerRegistration;
  struct Timer;
  using Queue = std::multimap<Time, std::shared_ptr<Timer>>;

  // A timer is in queue_, or handed to a worker (armed == false), or cancelled.
  struct Timer {
    const char* name;
    Duration delay;
    bool repeats = false;
    std::function<void()> work;
    Queue::iterator place{};
    Time due{};
    bool armed = false;
    bool cancelled = false;
    std::thread::id runner{};  // Of the worker that is in work(), if any.
  };

  std::unique_ptr<Registration> NewTimer(Timer timer);
  void Arm(const std::shared_ptr<Timer>& timer, Time due);
  void RunTimers();
  void Fire(const std::shared_ptr<Timer>& timer);
  void Cancel(const std::shared_ptr<Timer>& timer);

  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable queue_changed_;
  std::condition_variable run_ended_;
  Queue queue_;
  bool stopping_ = false;
  WorkerPool pool_;
  pthread_t timer_thread_{};
};

}  // namespace l2p

#endif  // L2P_KERNEL_RUNTIME_WORKER_TASKS_H_
