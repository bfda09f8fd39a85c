#ifndef L2P_TESTKIT_SCHEDULER_H_
#define L2P_TESTKIT_SCHEDULER_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fiber.h"
#include "l2p/event.h"
#include "timer_heap.h"

namespace l2p::testkit {

class SimEvent;
struct Task;

// What has become of a node, and what waits for it to thaw.
struct NodeFate {
  std::string name;
  bool killed = false;
  bool frozen = false;
  size_t running = 0;
  std::vector<Task*> held_tasks;
  std::vector<Timer*> held_timers;
};

struct Task {
  uint64_t id = 0;
  const char* name = "";
  NodeFate* fate = nullptr;
  std::function<void()> work;
  Fiber* fiber = nullptr;  // From its first turn on.
  SimEvent* waits_on = nullptr;
  Timer deadline;
  bool timed_out = false;
  bool ended = false;
};

// The Scheduler runs tasks in the order in which they became ready, and steps the clock to the next
// timer when none is. A turn of a task lasts until it waits or ends; nothing else runs meanwhile.
class Scheduler {
 public:
  Scheduler(Time start, size_t stack_bytes, Duration longest_run);
  ~Scheduler();

  Time now() const { return now_; }
  uint64_t switches() const { return switches_; }
  uint64_t hash() const { return hash_; }
  Task* current() const { return current_; }

  void Mix(uint64_t word);
  void Mix(std::string_view text);

  // Fates live as long as the Scheduler. A node that ends without a kill is killed all the same.
  NodeFate* NewFate(std::string name);
  void Kill(NodeFate& fate);
  void Thaw(NodeFate& fate);

  Task& Start(const char* name, NodeFate& fate, std::function<void()> work);

  // The fate of the calling task; the world's outside any task.
  NodeFate& CurrentFate() { return current_ != nullptr ? *current_->fate : world_; }

  void Arm(Timer& timer, Time when);
  void Disarm(Timer& timer);
  void At(Time when, std::function<void()> callback);

  // Runs the world until `until()`; false when `limit` came first. Aborts with a list of the tasks
  // when neither can happen. REQUIRES: not in a task.
  bool Drive(const std::function<bool()>& until, Time limit);

  bool Wait(SimEvent& event, Time deadline);
  void Wake(Task& task);

  std::vector<std::string> RunningTasks() const;

 private:
  static void RunCurrent(void* self);
  void Turn(Task& task);
  void Park();
  void GiveUpWait(Task& task);
  void FireFirst();
  Fiber* TakeFiber();
  bool WaitOutside(SimEvent& event, Time deadline);
  [[noreturn]] void Die(const std::string& why) const;

  const size_t stack_bytes_;
  const Duration longest_run_;
  Time now_;
  uint64_t hash_ = 0x6c3270;
  uint64_t switches_ = 0;
  uint64_t next_task_ = 1;
  uint64_t next_timer_ = 1;
  bool driving_ = false;
  Task* current_ = nullptr;
  NodeFate world_;
  std::vector<std::unique_ptr<NodeFate>> fates_;
  std::map<uint64_t, std::unique_ptr<Task>> tasks_;
  std::deque<Task*> ready_;
  TimerHeap timers_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_fibers_;
};

class SimEvent : public Event {
 public:
  explicit SimEvent(Scheduler& scheduler) : scheduler_(scheduler) {}
  ~SimEvent() override;

  void Set() override;
  void Reset() override { set_ = false; }
  bool Wait(Time deadline) override { return scheduler_.Wait(*this, deadline); }

 private:
  friend class Scheduler;

  Scheduler& scheduler_;
  bool set_ = false;
  std::vector<Task*> waiters_;  // In order of arrival.
};

// Keeps `object` reachable for ever, so that LeakSanitizer knows it is meant.
void KeepForEver(void* object);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SCHEDULER_H_
