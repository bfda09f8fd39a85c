#include "scheduler.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "l2p/status.h"

namespace l2p::testkit {
namespace {

// A guard page splits a mapping in two, and a process may have 65,530 (vm.max_map_count).
constexpr size_t kGuardedFibers = 8192;

std::string NameOf(const Task& task) {
  return absl::StrCat(task.fate->name.empty() ? "world" : task.fate->name, ": ", task.name);
}

}  // namespace

void KeepForEver(void* object) {
  static auto* kept = new std::vector<void*>;
  kept->push_back(object);
}

Scheduler::Scheduler(Time start, size_t stack_bytes, Duration longest_run)
    : stack_bytes_(stack_bytes), longest_run_(longest_run), now_(start) {}

Scheduler::~Scheduler() {
  // Tasks in mid-flight own things on their stacks and in their work that cannot be unwound.
  for (auto& [id, task] : tasks_) {
    if (task->waits_on != nullptr) std::erase(task->waits_on->waiters_, task.get());
    if (task->fiber != nullptr) task->fiber->Abandon();
    KeepForEver(task.release());
  }
  while (!timers_.empty()) Disarm(timers_.first());
}

void Scheduler::Mix(uint64_t word) {
  hash_ = (hash_ ^ word) * 0x9e3779b97f4a7c15;
  hash_ ^= hash_ >> 29;
}

void Scheduler::Mix(std::string_view text) {
  Mix(text.size());
  while (!text.empty()) {
    uint64_t word = 0;
    const size_t bytes = std::min(text.size(), sizeof word);
    std::memcpy(&word, text.data(), bytes);
    Mix(word);
    text.remove_prefix(bytes);
  }
}

NodeFate* Scheduler::NewFate(std::string name) {
  fates_.push_back(std::make_unique<NodeFate>());
  fates_.back()->name = std::move(name);
  return fates_.back().get();
}

void Scheduler::Kill(NodeFate& fate) {
  if (fate.killed) return;
  fate.killed = true;
  for (auto& [id, task] : tasks_) {
    if (task->fate == &fate) GiveUpWait(*task);
  }
  fate.held_tasks.clear();
  for (Timer* timer : std::exchange(fate.held_timers, {})) timer->place = Timer::kNowhere;
  if (current_ != nullptr && current_->fate == &fate) Park();
}

void Scheduler::Thaw(NodeFate& fate) {
  fate.frozen = false;
  for (Task* task : std::exchange(fate.held_tasks, {})) ready_.push_back(task);
  for (Timer* timer : std::exchange(fate.held_timers, {})) {
    timer->place = Timer::kNowhere;
    Arm(*timer, timer->when);
  }
}

Task& Scheduler::Start(const char* name, NodeFate& fate, std::function<void()> work) {
  auto task = std::make_unique<Task>();
  Task& started = *task;
  started.id = next_task_++;
  started.name = name;
  started.fate = &fate;
  started.work = std::move(work);
  started.deadline.fate = &fate;
  started.deadline.fire = [this, waiter = &started] {
    waiter->timed_out = true;
    GiveUpWait(*waiter);
    ready_.push_back(waiter);
  };
  ++fate.running;
  tasks_.emplace_hint(tasks_.end(), started.id, std::move(task));
  ready_.push_back(&started);
  return started;
}

void Scheduler::Arm(Timer& timer, Time when) {
  timer.when = std::max(when, now_);
  timer.sequence = next_timer_++;
  timers_.Add(timer);
}

void Scheduler::Disarm(Timer& timer) {
  if (timer.place == Timer::kHeldBack) {
    std::erase(timer.fate->held_timers, &timer);
    timer.place = Timer::kNowhere;
  } else if (timer.place != Timer::kNowhere) {
    timers_.Remove(timer);
  }
  if (timer.owned_by_heap) delete &timer;
}

void Scheduler::At(Time when, std::function<void()> callback) {
  auto* timer = new Timer;
  timer->fire = std::move(callback);
  timer->owned_by_heap = true;
  Arm(*timer, when);
}

bool Scheduler::Drive(const std::function<bool()>& until, Time limit) {
  if (driving_) Die("a callback of a timer waited");
  driving_ = true;
  const bool endless = limit == absl::InfiniteFuture();
  const Time last = endless ? now_ + longest_run_ : limit;
  bool reached = until();
  while (!reached) {
    if (!ready_.empty()) {
      Task& task = *ready_.front();
      ready_.pop_front();
      Turn(task);
    } else if (!timers_.empty() && timers_.first().when <= last) {
      FireFirst();
    } else if (endless) {
      Die(timers_.empty() ? "nothing can run any more" : "the longest run is over");
    } else {
      now_ = std::max(now_, limit);
      break;
    }
    reached = until();
  }
  driving_ = false;
  return reached;
}

void Scheduler::FireFirst() {
  Timer& timer = timers_.first();
  timers_.Remove(timer);
  if (timer.when > now_) {
    now_ = timer.when;
    Mix(static_cast<uint64_t>(absl::ToUnixNanos(now_)));
  }
  if (timer.fate != nullptr && timer.fate->killed) return;
  if (timer.fate != nullptr && timer.fate->frozen) {
    timer.place = Timer::kHeldBack;
    timer.fate->held_timers.push_back(&timer);
    return;
  }
  if (!timer.owned_by_heap) return timer.fire();
  const std::unique_ptr<Timer> owned(&timer);
  owned->fire();
}

void Scheduler::Turn(Task& task) {
  if (task.fate->killed) return;
  if (task.fate->frozen) return task.fate->held_tasks.push_back(&task);
  if (task.fiber == nullptr) {
    task.fiber = TakeFiber();
    Mix(task.name);
    Mix(task.fate->name);
  }
  Mix(task.id);
  ++switches_;
  current_ = &task;
  task.fiber->Enter();
  current_ = nullptr;
  if (!task.ended) return;
  idle_fibers_.push_back(task.fiber);
  --task.fate->running;
  tasks_.erase(task.id);
}

Fiber* Scheduler::TakeFiber() {
  if (!idle_fibers_.empty()) {
    Fiber* fiber = idle_fibers_.back();
    idle_fibers_.pop_back();
    return fiber;
  }
  fibers_.push_back(std::make_unique<Fiber>(stack_bytes_, fibers_.size() < kGuardedFibers,
                                            &Scheduler::RunCurrent, this));
  return fibers_.back().get();
}

void Scheduler::RunCurrent(void* self) {
  auto* scheduler = static_cast<Scheduler*>(self);
  {
    // Destroyed here, in the task: what it captured may wait in its destructor.
    const std::function<void()> work = std::move(scheduler->current_->work);
    work();
  }
  scheduler->current_->ended = true;
}

void Scheduler::Park() { current_->fiber->Leave(); }

void Scheduler::Wake(Task& task) {
  task.waits_on = nullptr;
  Disarm(task.deadline);
  ready_.push_back(&task);
}

void Scheduler::GiveUpWait(Task& task) {
  if (task.waits_on != nullptr) std::erase(task.waits_on->waiters_, &task);
  task.waits_on = nullptr;
  Disarm(task.deadline);
}

bool Scheduler::Wait(SimEvent& event, Time deadline) {
  AssertNoMutexHeld("Event::Wait");
  if (event.set_) return true;
  if (current_ == nullptr) return WaitOutside(event, deadline);
  Task& task = *current_;
  if (deadline <= now_) {
    // Others get a turn, as they would have in a node: a loop that polls must not hang the world.
    ready_.push_back(&task);
    Park();
    return event.set_;
  }
  event.waiters_.push_back(&task);
  task.waits_on = &event;
  task.timed_out = false;
  if (deadline != absl::InfiniteFuture()) Arm(task.deadline, deadline);
  Park();
  return !task.timed_out || event.set_;
}

bool Scheduler::WaitOutside(SimEvent& event, Time deadline) {
  return Drive([&event] { return event.set_; }, deadline);
}

std::vector<std::string> Scheduler::RunningTasks() const {
  std::vector<std::string> names;
  for (const auto& [id, task] : tasks_) {
    if (!task->fate->killed) names.push_back(NameOf(*task));
  }
  std::sort(names.begin(), names.end());
  return names;
}

void Scheduler::Die(const std::string& why) const {
  std::fprintf(stderr, "l2p simulation: %s at %s; tasks:\n", why.c_str(),
               absl::FormatTime(now_, absl::UTCTimeZone()).c_str());
  for (const auto& [id, task] : tasks_) {
    const char* state = task->fate->killed          ? " (killed)"
                        : task->fate->frozen        ? " (frozen)"
                        : task->waits_on != nullptr ? " (waits)"
                                                    : "";
    std::fprintf(stderr, "  #%llu %s%s\n", static_cast<unsigned long long>(id),
                 NameOf(*task).c_str(), state);
  }
  std::abort();
}

SimEvent::~SimEvent() {
  if (waiters_.empty()) return;
  std::fprintf(stderr, "l2p simulation: an Event was destroyed while \"%s\" waits on it\n",
               waiters_.front()->name);
  std::abort();
}

void SimEvent::Set() {
  set_ = true;
  // Taken out first: nobody else knows these waiters any more when they run.
  for (Task* task : std::exchange(waiters_, {})) scheduler_.Wake(*task);
}

}  // namespace l2p::testkit
