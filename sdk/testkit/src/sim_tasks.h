#ifndef L2P_TESTKIT_SIM_TASKS_H_
#define L2P_TESTKIT_SIM_TASKS_H_

#include "l2p/tasks.h"
#include "l2p/testkit/simulation.h"
#include "scheduler.h"

namespace l2p::testkit {

// The Tasks of one simulated node. A timer that is due while the node is at its cap of tasks tries
// again a little later; a periodic run is left out.
class SimTasks : public Tasks {
 public:
  SimTasks(Simulation& simulation, NodeFate& fate, size_t most)
      : simulation_(simulation), fate_(fate), most_(most) {}

  absl::Status Start(const char* name, std::function<void()> work) override;
  std::unique_ptr<Registration> After(const char* name, Duration delay,
                                      std::function<void()> work) override;
  std::unique_ptr<Registration> Every(const char* name, Duration period,
                                      std::function<void()> work) override;
  void Parallel(size_t count, const std::function<void(size_t)>& work) override;

 private:
  class Job;
  class JobRegistration;

  Simulation& simulation_;
  NodeFate& fate_;
  const size_t most_;
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SIM_TASKS_H_
