#ifndef L2P_KERNEL_RUNTIME_CLOCK_H_
#define L2P_KERNEL_RUNTIME_CLOCK_H_

#include <chrono>
#include <memory>

#include "l2p/event.h"

namespace l2p {

// The Clock starts at the wall clock's time and then follows the monotonic clock only. A value;
// [any thread].
class Clock {
 public:
  Clock();

  Time Now() const;

  // The monotonic time at which Now() is `time`. REQUIRES: `time` is finite.
  std::chrono::steady_clock::time_point At(Time time) const;

 private:
  std::chrono::steady_clock::time_point steady_start_;
  Time start_;
};

// An Event that parks its thread. `clock` is lent and outlives it.
std::unique_ptr<Event> NewThreadEvent(const Clock& clock);

}  // namespace l2p

#endif  // L2P_KERNEL_RUNTIME_CLOCK_H_
