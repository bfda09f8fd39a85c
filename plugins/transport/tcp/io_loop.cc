#include "io_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace l2p::tcp {
namespace {

constexpr uint64_t kWakeupId = 0;
constexpr int kEventsAtOnce = 64;

}  // namespace

IoLoop::IoLoop(std::function<Time()> clock) : clock_(std::move(clock)) {}

IoLoop::~IoLoop() {
  if (wakeup_ >= 0) ::close(wakeup_);
  if (epoll_ >= 0) ::close(epoll_);
}

absl::Status IoLoop::Start() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return ErrnoStatus(errno, "epoll_create1");
  wakeup_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wakeup_ < 0) return ErrnoStatus(errno, "eventfd");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kWakeupId;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, wakeup_, &event) != 0) {
    return ErrnoStatus(errno, "epoll_ctl");
  }
  input_ = std::make_unique<uint8_t[]>(kBufferBytes);
  plaintext_ = std::make_unique<uint8_t[]>(kBufferBytes);
  output_ = std::make_unique<uint8_t[]>(kOutputBytes);
  // Signals belong to the threads of the node.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { Run(); });
  } catch (const std::exception& error) {
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return absl::ResourceExhaustedError(std::string("start an I/O thread: ") + error.what());
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return absl::OkStatus();
}

void IoLoop::Stop() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
  }
  if (!thread_.joinable()) return;
  Signal();
  thread_.join();
}

void IoLoop::Signal() {
  const uint64_t one = 1;
  // Fails only when the counter is full, and then the loop is about to wake anyway.
  [[maybe_unused]] const ssize_t written = ::write(wakeup_, &one, sizeof(one));
}

bool IoLoop::Add(std::shared_ptr<Pollable> added) {
  bool first;
  {
    MutexLock lock(mutex_);
    if (stopping_) return false;
    first = woken_.empty();
    woken_.push_back(std::move(added));
  }
  if (first) Signal();
  return true;
}

void IoLoop::Wake(const std::shared_ptr<Pollable>& woken) {
  if (woken->wake_pending_.exchange(true)) return;
  bool first;
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    first = woken_.empty();
    woken_.push_back(woken);
  }
  if (first && !on_thread()) Signal();
}

std::shared_ptr<Pollable> IoLoop::Find(uint64_t id) const {
  const auto found = served_.find(id);
  return found == served_.end() ? nullptr : found->second;
}

void IoLoop::Watch(Pollable& pollable, uint32_t events) {
  if (!Served(pollable) || pollable.interest_ == events) return;
  epoll_event event{};
  event.events = events;
  event.data.u64 = pollable.id_;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, pollable.descriptor(), &event);
  pollable.interest_ = events;
}

void IoLoop::SetTimer(Pollable& pollable, Time due) {
  if (!Served(pollable)) return;
  timers_.erase({pollable.due_, pollable.id_});
  pollable.due_ = due;
  if (due != absl::InfiniteFuture()) timers_.insert({due, pollable.id_});
}

void IoLoop::Remove(Pollable& pollable) {
  if (!Served(pollable)) return;
  SetTimer(pollable, absl::InfiniteFuture());
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, pollable.descriptor(), nullptr);
  served_.erase(std::exchange(pollable.id_, kRemoved));
}

int IoLoop::MillisecondsToWait() {
  {
    MutexLock lock(mutex_);
    if (!woken_.empty() || stopping_) return 0;
  }
  if (timers_.empty()) return -1;
  const Duration left = timers_.begin()->first - clock_();
  return static_cast<int>(
      std::clamp<int64_t>(absl::ToInt64Milliseconds(left) + 1, 0, 24 * 3600 * 1000));
}

void IoLoop::ServeWoken() {
  std::vector<std::shared_ptr<Pollable>> woken;
  {
    MutexLock lock(mutex_);
    woken.swap(woken_);
  }
  for (const auto& pollable : woken) {
    pollable->wake_pending_ = false;
    if (pollable->id_ == 0) {
      Register(pollable);
    } else if (Served(*pollable)) {
      pollable->OnWake();
    }
  }
}

void IoLoop::Register(const std::shared_ptr<Pollable>& added) {
  added->id_ = next_id_++;
  epoll_event event{};
  event.data.u64 = added->id_;
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, added->descriptor(), &event);
  served_.emplace(added->id_, added);
  added->OnAdded();
}

void IoLoop::ServeTimers() {
  const Time now = clock_();
  while (!timers_.empty() && timers_.begin()->first <= now) {
    const std::shared_ptr<Pollable> due = Find(timers_.begin()->second);
    timers_.erase(timers_.begin());
    if (due == nullptr) continue;
    due->due_ = absl::InfiniteFuture();
    due->OnTimer();
  }
}

void IoLoop::Run() {
  thread_id_ = std::this_thread::get_id();
  std::array<epoll_event, kEventsAtOnce> events;
  while (true) {
    const int count = ::epoll_wait(epoll_, events.data(), kEventsAtOnce, MillisecondsToWait());
    {
      MutexLock lock(mutex_);
      if (stopping_) break;
    }
    for (int i = 0; i < count; ++i) {
      if (events[i].data.u64 == kWakeupId) {
        uint64_t ignored;
        [[maybe_unused]] const ssize_t size = ::read(wakeup_, &ignored, sizeof(ignored));
      } else if (const auto pollable = Find(events[i].data.u64); pollable != nullptr) {
        pollable->OnReady(events[i].events);
      }
    }
    ServeWoken();
    ServeTimers();
  }
  StopAll();
}

void IoLoop::StopAll() {
  ServeWoken();  // What was handed over last must hear of the end too.
  while (!served_.empty()) {
    const std::shared_ptr<Pollable> stopped = served_.begin()->second;
    stopped->OnStop();
    Remove(*stopped);
  }
}

}  // namespace l2p::tcp
