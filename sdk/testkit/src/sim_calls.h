#ifndef L2P_TESTKIT_SRC_SIM_CALLS_H_
#define L2P_TESTKIT_SRC_SIM_CALLS_H_

#include <deque>
#include <map>
#include <memory>

#include "l2p/testkit/sim_messenger.h"

namespace l2p::testkit {

// Deadlines need no timer: Next finds the earliest one itself.
class SimCalls : public Calls {
 public:
  explicit SimCalls(SimMessenger& messenger);

  uint64_t Send(const PeerInfo& to, std::string_view protocol, Bytes request, size_t max_answer,
                Time deadline) override;
  std::optional<Answer> Next(Time deadline) override;
  size_t on_the_way() const override;

 private:
  struct Pending {
    Time sent;
    Time deadline;
    bool dialled;
  };
  // Outlives this for as long as answers are on the way.
  struct Waiting {
    std::map<uint64_t, Pending> pending;
    // By pointer: g++ 12 takes a moved StatusOr<Bytes> for an uninitialised one.
    std::deque<std::unique_ptr<Answer>> ready;
    std::unique_ptr<Event> event;
  };

  static void Conclude(Simulation& simulation, Waiting& waiting, uint64_t call,
                       absl::StatusOr<Bytes> result);

  SimMessenger& messenger_;
  Simulation& simulation_;
  uint64_t next_ = 1;
  const std::shared_ptr<Waiting> waiting_ = std::make_shared<Waiting>();
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SRC_SIM_CALLS_H_
