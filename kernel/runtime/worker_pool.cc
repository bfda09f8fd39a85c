#include "kernel/runtime/worker_pool.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "absl/strings/str_cat.h"
#include "kernel/runtime/thread.h"

namespace l2p {
namespace {

constexpr std::chrono::seconds kIdle{10};

}  // namespace

WorkerPool::~WorkerPool() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  for (Worker* worker : idle_) {
    worker->has_call = true;
    worker->called.notify_one();
  }
  idle_.clear();
  all_ended_.wait(lock, [this] { return threads_ == 0; });
  JoinEnded(lock);
}

absl::Status WorkerPool::Start(const char* name, std::function<void()> work) {
  std::unique_lock lock(mutex_);
  if (stopping_) return absl::AbortedError(absl::StrCat("start ", name, ": the node is stopping"));
  if (threads_ - idle_.size() >= max_jobs_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("start ", name, ": node.tasks = ", max_jobs_, " tasks are running"));
  }
  if (idle_.empty()) {
    JoinEnded(lock);
    return Spawn(name, std::move(work));
  }
  Worker* worker = idle_.back();
  idle_.pop_back();
  worker->name = name;
  worker->work = std::move(work);
  worker->has_call = true;
  worker->called.notify_one();
  return absl::OkStatus();
}

size_t WorkerPool::threads() const {
  std::lock_guard lock(mutex_);
  return threads_;
}

absl::Status WorkerPool::Spawn(const char* name, std::function<void()> work) {
  auto worker = std::make_shared<Worker>();
  worker->name = name;
  worker->work = std::move(work);
  // Counted while still under the lock: the thread may end before this returns.
  absl::StatusOr<pthread_t> thread = StartThread(name, [this, worker] {
    worker->thread = pthread_self();
    Run(*worker);
  });
  if (!thread.ok()) return WithContext(thread.status(), absl::StrCat("start ", name));
  ++threads_;
  return absl::OkStatus();
}

void WorkerPool::Run(Worker& worker) {
  const char* named = worker.name;
  do {
    if (worker.name != named) NameThread(named = worker.name);
    worker.work();
    worker.work = nullptr;
  } while (NextJob(worker));
}

// The last step of a thread is under the lock: the destructor returns when it has joined it.
bool WorkerPool::NextJob(Worker& worker) {
  std::unique_lock lock(mutex_);
  if (!stopping_) {
    idle_.push_back(&worker);
    worker.has_call = false;
    worker.called.wait_for(lock, kIdle, [&worker] { return worker.has_call; });
    if (worker.has_call && worker.work) return true;
    std::erase(idle_, &worker);
  }
  ended_.push_back(worker.thread);
  if (--threads_ == 0) all_ended_.notify_all();
  return false;
}

void WorkerPool::JoinEnded(std::unique_lock<std::mutex>& lock) {
  // The threads listed have left the lock or are about to; none takes it again.
  std::vector<pthread_t> ended;
  ended.swap(ended_);
  lock.unlock();
  for (const pthread_t thread : ended) pthread_join(thread, nullptr);
  lock.lock();
}

}  // namespace l2p
