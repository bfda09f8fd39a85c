#ifndef L2P_TESTKIT_SIM_RUNTIME_H_
#define L2P_TESTKIT_SIM_RUNTIME_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "l2p/runtime.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/simulation.h"

namespace l2p::testkit {

struct NodeFate;
class SimTasks;

// A SimRuntime is one node's view of a Simulation: its disk, its tasks, its abilities. Build a
// second one over the same disk to restart the node.
class SimRuntime : public Runtime {
 public:
  struct Options {
    size_t max_tasks = 256;  // `node.tasks`: Start refuses beyond it.
  };

  // Both are lent and outlive this. `name` is the node's, in the log and in lists of tasks.
  SimRuntime(Simulation& simulation, MemoryDisk& disk, std::string name);
  SimRuntime(Simulation& simulation, MemoryDisk& disk, std::string name, Options options);
  // Kills what still runs.
  ~SimRuntime() override;

  Time Now() override { return simulation_.Now(); }
  std::unique_ptr<Event> NewEvent() override { return simulation_.NewEvent(); }
  Tasks& tasks() override;
  void Random(MutableByteView out) override { simulation_.Random(out); }
  Folder& folder() override { return disk_.root(); }
  absl::StatusOr<State*> OpenState(std::string_view name) override { return disk_.OpenState(name); }
  void Log(Severity severity, std::string_view source, std::string_view text) override;
  void* Query(std::string_view ability) override;

  // Makes Query(id) answer `ability`, which outlives this.
  void SetAbility(std::string id, void* ability) { abilities_[std::move(id)] = ability; }

  // Power cut or SIGKILL: no task, timer or periodic job of this node ever runs again. Its tasks
  // are abandoned where they wait, so objects they use must never be destroyed: hand them to
  // Simulation::Abandon. Called by a task of this node, does not return. The disk is not touched:
  // MemoryDisk::Crash is what a power cut does to it, and a SIGKILL does not.
  void Kill();
  bool killed() const;

  // SIGSTOP and SIGCONT: between the two, tasks and timers of this node are held back.
  void Freeze();
  void Thaw();

  // Tasks of this node that have not ended.
  size_t running() const;

  const std::string& name() const { return name_; }
  Simulation& simulation() { return simulation_; }
  MemoryDisk& disk() { return disk_; }

 private:
  Simulation& simulation_;
  MemoryDisk& disk_;
  const std::string name_;
  NodeFate& fate_;  // Owned by the simulation, so that abandoned tasks may refer to it.
  std::unique_ptr<SimTasks> tasks_;
  std::map<std::string, void*, std::less<>> abilities_;
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SIM_RUNTIME_H_
