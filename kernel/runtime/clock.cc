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
    set_ = true;
    ++times_set_;
    changed_.notify_all();
  }

  void Reset() override {
    std::lock_guard lock(mutex_);
    set_ = false;
    last_reset = {id_, times_set_};
  }

  bool Wait(Time deadline) override {
    AssertNoMutexHeld("Event::Wait");
    std::unique_lock lock(mutex_);
    if (set_) return true;
    const auto is_set = [this, before = TimesSeen()] { return times_set_ != before; };
    if (deadline == absl::InfiniteFuture()) {
      changed_.wait(lock, is_set);
      return true;
    }
    if (deadline == absl::InfinitePast()) return false;
    return changed_.wait_until(lock, clock_.At(deadline), is_set);
  }

 private:
  // A Set that came after this thread's Reset ends its Wait, even if another waiter has Reset since:
  // waiters for different things share an Event.
  uint64_t TimesSeen() {
    const bool reset_here = last_reset.event == id_;
    const uint64_t seen = reset_here ? last_reset.times_set : times_set_;
    last_reset = {};
    return seen;
  }

  struct LastReset {
    uint64_t event = 0;
    uint64_t times_set = 0;
  };
  static thread_local LastReset last_reset;
  static std::atomic<uint64_t> next_id;

  const Clock& clock_;
  const uint64_t id_ = ++next_id;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
  uint64_t times_set_ = 0;
};

thread_local ThreadEvent::LastReset ThreadEvent::last_reset;
std::atomic<uint64_t> ThreadEvent::next_id{0};

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
