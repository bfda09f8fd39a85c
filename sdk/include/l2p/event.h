#ifndef L2P_EVENT_H_
#define L2P_EVENT_H_

#include "absl/time/time.h"
#include "l2p/api.h"
#include "l2p/mutex.h"

namespace l2p {

// A point on the clock of the Host (see Host::Now), used for every deadline.
using Time = absl::Time;
using Duration = absl::Duration;

// An Event is the one way to wait: it parks the worker (in a node) or the fiber (in the simulator)
// that calls Wait. It starts unset; once Set, every Wait returns at once until Reset. Set releases
// everyone who waits at that moment, even if Reset follows before they have run.
//
// [any thread], except Wait: only from a task (see l2p/tasks.h). Set never blocks, so I/O threads
// and timers may call it. An Event must outlive the calls made on it.
class L2P_SDK_API Event {
 public:
  virtual ~Event();

  virtual void Set() = 0;
  virtual void Reset() = 0;

  // Returns true when the Event is set, false when `deadline` passes first (at once if it lies in
  // the past). REQUIRES: the caller holds no Mutex.
  virtual bool Wait(Time deadline) = 0;
};

// Waits until `ready()`, which is called with `mutex` held, returns true; false when `deadline`
// passes first. Whoever makes `ready` true does so under `mutex` and then calls event.Set().
// Several tasks may wait on the same pair.
template <typename Ready>
bool Await(Mutex& mutex, Event& event, Time deadline, Ready ready)
    L2P_THREAD_ANNOTATION_(no_thread_safety_analysis) {
  for (bool in_time = true;;) {
    {
      MutexLock lock(mutex);
      if (ready()) return true;
      if (!in_time) return false;
      event.Reset();
    }
    in_time = event.Wait(deadline);
  }
}

}  // namespace l2p

#endif  // L2P_EVENT_H_
