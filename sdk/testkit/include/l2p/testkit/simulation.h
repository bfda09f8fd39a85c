#ifndef L2P_TESTKIT_SIMULATION_H_
#define L2P_TESTKIT_SIMULATION_H_

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "l2p/event.h"
#include "l2p/runtime.h"

namespace l2p::testkit {

class Scheduler;

struct SimulationOptions {
  Time start = absl::FromUnixSeconds(1'700'000'000);

  // Of each fiber. Only the pages a fiber touches are ever resident.
  size_t stack_bytes = 256 * 1024;

  // Virtual time after which Run aborts and lists what waits: a main that never returns while some
  // timer keeps ticking would otherwise run for ever.
  Duration longest_run = absl::Hours(24 * 30);

  bool echo_log = false;  // To stderr as well.
};

// A Simulation is a world of nodes with one virtual clock, one source of random numbers and one
// scheduler: tasks are fibers of one OS thread, run in order of becoming ready, and the clock jumps
// to the next timer when none is ready. The same program with the same seed does the same.
//
// Everything here belongs to the OS thread that made it. A task that never ends on its own is
// abandoned with the Simulation: its destructors do not run.
class Simulation {
 public:
  using Options = SimulationOptions;

  struct LogLine {
    Time time;
    std::string node;
    Severity severity;
    std::string source;
    std::string text;
  };

  explicit Simulation(uint64_t seed, Options options = {});
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // Runs `main` as a task until it returns; answers the names ("node: task", sorted) of the tasks
  // that still run then. Aborts, listing the parked tasks, when nothing can ever run again before
  // main has returned.
  std::vector<std::string> Run(std::function<void()> main);

  // Lets the world run for `duration`. From a task: the same as Sleep.
  void RunFor(Duration duration);

  // Waits in a task.
  void Sleep(Duration duration);

  // Runs `work` as a task of no node, or of the node of the calling task.
  void Start(const char* name, std::function<void()> work);

  // Calls `callback` at `when` (at once if that is past), outside any task: it must not wait. For
  // simulated wires and faults. Belongs to no node, so no Kill or Freeze holds it back.
  void At(Time when, std::function<void()> callback);

  // An Event for code that belongs to no node. Waiting on it (or on any) outside a task runs the
  // world until it is set.
  std::unique_ptr<Event> NewEvent();

  Time Now() const;
  uint64_t Random();
  void Random(MutableByteView out);

  // Adds `text` to the running hash over all that happened: every task that ran, every step of the
  // clock, every log line, and whatever components tell. Equal seeds give equal hashes, in any
  // process.
  void Trace(std::string_view text);
  uint64_t trace_hash() const;

  // "node: task" of every task that has not ended, sorted.
  std::vector<std::string> RunningTasks() const;

  // How often a fiber was switched to.
  uint64_t switches() const;

  // The last 100,000 lines.
  const std::deque<LogLine>& log() const { return log_; }
  void Log(std::string_view node, Severity severity, std::string_view source,
           std::string_view text);

  // Keeps `object` for ever without destroying it: what a killed node's abandoned tasks still
  // refer to must not be destroyed (its destructor would wait for them).
  template <typename T>
  void Abandon(std::unique_ptr<T> object) {
    KeepForEver(object.release());
  }

  Scheduler& scheduler() { return *scheduler_; }

 private:
  static void KeepForEver(void* object);

  const Options options_;
  std::array<uint64_t, 4> random_;  // xoshiro256**
  std::unique_ptr<Scheduler> scheduler_;
  std::deque<LogLine> log_;
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SIMULATION_H_
