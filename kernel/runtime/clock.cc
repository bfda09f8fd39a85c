#include "kernel/runtime/clock.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>

#include "absl/time/clock.h"

namespace l2p {
namespace {

class ThreadEvent : public Event {
 public:
  explicit ThreadEvent(const Clock& clock) : clock_(clock) {}

  // Notifies under the lock: a waiter that returns may destroy the Event as soon as it has the
  // lock.
  void Set() override {
    std::lock_guard lock(mutex_);
    if (set_) return;
    set_ = true;
    changed_.notify_all();
  }

  void Reset() override {
    std::lock_guard lock(mutex_);
    set_ = false;
  }

  bool Wait(Time deadline) override {
    AssertNoMutexHeld("Event::Wait");
    std::unique_lock lock(mutex_);
    const auto is_set = [this] { return set_; };
    if (set_) return true;
    if (deadline == absl::InfiniteFuture()) {
      changed_.wait(lock, is_set);
      return true;
    }
    if (deadline == absl::InfinitePast()) return false;
    return changed_.wait_until(lock, clock_.At(deadline), is_set);
  }

 private:
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

}  // namespace

Clock::Clock() : steady_start_(std::chrono::steady_clock::now()), start_(absl::Now()) {}

Time Clock::Now() const {
  return start_ + absl::FromChrono(std::chrono::steady_clock::now() - steady_start_);
}

std::chrono::steady_clock::time_point Clock::At(Time time) const {
  // Bounded, as chrono's sum of a far deadline would overflow.
  const Duration ahead = std::clamp(time - start_, -absl::Hours(24), absl::Hours(24) * 36500);
  return steady_start_ + absl::ToChronoNanoseconds(ahead);
}

std::unique_ptr<Event> NewThreadEvent(const Clock& clock) {
  return std::make_unique<ThreadEvent>(clock);
}

}  // namespace l2p
