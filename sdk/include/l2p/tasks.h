#ifndef L2P_TASKS_H_
#define L2P_TASKS_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "l2p/event.h"
#include "l2p/status.h"

namespace l2p {

// Something that lasts until it is destroyed: a timer, a served protocol, a watch. The destructor
// waits for a callback that is running (unless it is that callback which destroys it); after it, no
// callback runs. Destroy it from a task, holding no Mutex.
class L2P_SDK_API Registration {
 public:
  virtual ~Registration();
};

// Tasks is where work runs: a worker thread each in a node, a fiber each in the simulator.
//
// [any thread]. Work never throws. A timer and a periodic job own no thread while they wait.
class L2P_SDK_API Tasks {
 public:
  virtual ~Tasks();

  // Runs `work` soon, on a worker of its own; it may wait. `name` is a literal, for diagnosis.
  // ResourceExhausted at `node.tasks` running tasks: `work` is dropped. The starter makes sure that
  // what `work` uses outlives it (TaskGroup below).
  virtual absl::Status Start(const char* name, std::function<void()> work) = 0;

  // Runs `work` as a task once, `delay` from now, unless the Registration is destroyed before.
  virtual std::unique_ptr<Registration> After(const char* name, Duration delay,
                                              std::function<void()> work) = 0;

  // Runs `work` as a task every `period` (first after one period); a run that is still going on
  // when the next is due makes that next one be left out.
  virtual std::unique_ptr<Registration> Every(const char* name, Duration period,
                                              std::function<void()> work) = 0;

  // Calls work(0) .. work(count - 1), spread over the cores for CPU work, and returns when all have
  // returned. `work` neither waits nor calls back into the kernel.
  virtual void Parallel(size_t count, const std::function<void(size_t)>& work) = 0;
};

// A TaskGroup starts tasks that use its owner's members: its destructor (and Join) waits for all of
// them. Declare it as the last member.
class L2P_SDK_API TaskGroup {
 public:
  // Both are lent and outlive the group; `event` is this group's alone.
  TaskGroup(Tasks& tasks, std::unique_ptr<Event> event);
  ~TaskGroup();

  // As Tasks::Start; Aborted after Join.
  absl::Status Start(const char* name, std::function<void()> work);

  // Refuses further tasks and waits until the running ones have ended. Idempotent.
  void Join();

 private:
  Tasks& tasks_;
  std::unique_ptr<Event> event_;
  Mutex mutex_{"TaskGroup"};
  size_t running_ L2P_GUARDED_BY(mutex_) = 0;
  bool joined_ L2P_GUARDED_BY(mutex_) = false;
};

}  // namespace l2p

#endif  // L2P_TASKS_H_
