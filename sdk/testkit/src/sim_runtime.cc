#include "l2p/testkit/sim_runtime.h"

#include "scheduler.h"
#include "sim_tasks.h"

namespace l2p::testkit {

SimRuntime::SimRuntime(Simulation& simulation, MemoryDisk& disk, std::string name)
    : SimRuntime(simulation, disk, std::move(name), Options()) {}

SimRuntime::SimRuntime(Simulation& simulation, MemoryDisk& disk, std::string name, Options options)
    : simulation_(simulation),
      disk_(disk),
      name_(std::move(name)),
      fate_(*simulation.scheduler().NewFate(name_)),
      tasks_(std::make_unique<SimTasks>(simulation, fate_, options.max_tasks)) {}

SimRuntime::~SimRuntime() { Kill(); }

Tasks& SimRuntime::tasks() { return *tasks_; }

void SimRuntime::Log(Severity severity, std::string_view source, std::string_view text) {
  simulation_.Log(name_, severity, source, text);
}

void* SimRuntime::Query(std::string_view ability) {
  const auto found = abilities_.find(ability);
  return found == abilities_.end() ? nullptr : found->second;
}

void SimRuntime::Kill() { simulation_.scheduler().Kill(fate_); }
bool SimRuntime::killed() const { return fate_.killed; }
void SimRuntime::Freeze() { fate_.frozen = true; }
void SimRuntime::Thaw() { simulation_.scheduler().Thaw(fate_); }
size_t SimRuntime::running() const { return fate_.running; }

}  // namespace l2p::testkit
