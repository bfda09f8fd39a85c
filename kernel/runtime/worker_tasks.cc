#include "kernel/runtime/worker_tasks.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <utility>
#include <vector>

#include "kernel/runtime/thread.h"

namespace l2p {
namespace {

// How long a timer that is due waits for a worker when node.tasks are running.
constexpr Duration kRetry = absl::Milliseconds(10);

// The work of one Parallel call. Shared, because a helper may get its thread only after all items
// are done and the call has returned; it then touches nothing but this.
class Batch {
 public:
  Batch(size_t count, const std::function<void(size_t)>& work) : count_(count), work_(work) {}

  // Takes items until there are none left.
  void Work() {
    size_t done = 0;
    for (size_t i; (i = next_.fetch_add(1, std::memory_order_relaxed)) < count_; ++done) work_(i);
    if (done == 0) return;
    std::lock_guard lock(mutex_);
    done_ += done;
    if (done_ == count_) all_done_.notify_one();
  }

  void WaitForAll() {
    std::unique_lock lock(mutex_);
    all_done_.wait(lock, [this] { return done_ == count_; });
  }

 private:
  const size_t count_;
  const std::function<void(size_t)>& work_;  // Valid while an item is left.
  std::atomic<size_t> next_ = 0;
  std::mutex mutex_;
  std::condition_variable all_done_;
  size_t done_ = 0;
};

}  // namespace

class WorkerTasks::TimerRegistration : public Registration {
 public:
  TimerRegistration(WorkerTasks& tasks, std::shared_ptr<Timer> timer)
      : tasks_(tasks), timer_(std::move(timer)) {}
  ~TimerRegistration() override { tasks_.Cancel(timer_); }

 private:
  WorkerTasks& tasks_;
  const std::shared_ptr<Timer> timer_;
};

WorkerTasks::WorkerTasks(const Clock& clock, size_t max_tasks) : clock_(clock), pool_(max_tasks) {
  absl::StatusOr<pthread_t> thread = StartThread("timer", [this] { RunTimers(); });
  // A process that cannot start its second thread cannot do anything.
  if (!thread.ok()) std::abort();
  timer_thread_ = *thread;
}

WorkerTasks::~WorkerTasks() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    queue_changed_.notify_one();
  }
  pthread_join(timer_thread_, nullptr);
}

absl::Status WorkerTasks::Start(const char* name, std::function<void()> work) {
  return pool_.Start(name, std::move(work));
}

std::unique_ptr<Registration> WorkerTasks::After(const char* name, Duration delay,
                                                 std::function<void()> work) {
  return NewTimer({.name = name, .delay = delay, .work = std::move(work)});
}

std::unique_ptr<Registration> WorkerTasks::Every(const char* name, Duration period,
                                                 std::function<void()> work) {
  return NewTimer({.name = name, .delay = period, .repeats = true, .work = std::move(work)});
}

std::unique_ptr<Registration> WorkerTasks::NewTimer(Timer timer) {
  auto shared = std::make_shared<Timer>(std::move(timer));
  std::lock_guard lock(mutex_);
  Arm(shared, clock_.Now() + shared->delay);
  return std::make_unique<TimerRegistration>(*this, std::move(shared));
}

void WorkerTasks::Arm(const std::shared_ptr<Timer>& timer, Time due) {
  timer->due = due;
  timer->place = queue_.emplace(due, timer);
  timer->armed = true;
  if (timer->place == queue_.begin()) queue_changed_.notify_one();
}

void WorkerTasks::RunTimers() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (queue_.empty()) {
      queue_changed_.wait(lock);
      continue;
    }
    const auto first = queue_.begin();
    if (first->first > clock_.Now()) {
      queue_changed_.wait_until(lock, clock_.At(first->first));
      continue;
    }
    const std::shared_ptr<Timer> timer = first->second;
    queue_.erase(first);
    timer->armed = false;
    lock.unlock();
    const bool started = pool_.Start(timer->name, [this, timer] { Fire(timer); }).ok();
    lock.lock();
    if (!started && !timer->cancelled) Arm(timer, clock_.Now() + kRetry);
  }
}

void WorkerTasks::Fire(const std::shared_ptr<Timer>& timer) {
  {
    std::lock_guard lock(mutex_);
    if (timer->cancelled) return;
    timer->runner = std::this_thread::get_id();
  }
  timer->work();
  std::lock_guard lock(mutex_);
  timer->runner = {};
  if (timer->cancelled) {
    run_ended_.notify_all();
  } else if (timer->repeats) {
    // The next time on the grid that is still ahead: times passed during the run are left out.
    const Time now = clock_.Now();
    const int64_t missed = absl::ToInt64Nanoseconds(now - timer->due) /
                           std::max<int64_t>(absl::ToInt64Nanoseconds(timer->delay), 1);
    Arm(timer, timer->due + timer->delay * (missed + 1));
  }
}

void WorkerTasks::Cancel(const std::shared_ptr<Timer>& timer) {
  AssertNoMutexHeld("Registration::~Registration");
  std::function<void()> work;  // What it captured is destroyed outside of the lock.
  std::unique_lock lock(mutex_);
  timer->cancelled = true;
  if (timer->armed) queue_.erase(timer->place);
  timer->armed = false;
  if (timer->runner == std::this_thread::get_id()) return;
  run_ended_.wait(lock, [&timer] { return timer->runner == std::thread::id(); });
  work.swap(timer->work);
  lock.unlock();
}

void WorkerTasks::Parallel(size_t count, const std::function<void(size_t)>& work) {
  const size_t lanes = std::min<size_t>(count, std::max(1u, std::thread::hardware_concurrency()));
  if (lanes <= 1) {
    for (size_t i = 0; i < count; ++i) work(i);
    return;
  }
  AssertNoMutexHeld("Tasks::Parallel");
  const auto batch = std::make_shared<Batch>(count, work);
  for (size_t helper = 1; helper < lanes; ++helper) {
    // At the cap the caller does it alone.
    if (!pool_.Start("parallel", [batch] { batch->Work(); }).ok()) break;
  }
  batch->Work();
  batch->WaitForAll();
}

}  // namespace l2p
