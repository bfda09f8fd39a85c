#ifndef L2P_TESTKIT_SIMULATE_POPULATION_H_
#define L2P_TESTKIT_SIMULATE_POPULATION_H_

#include <memory>
#include <set>
#include <vector>

#include "l2p/testkit/routing_world.h"
#include "scenario.h"

namespace l2p::testkit {

// The nodes of a scenario: they join, come and go, vanish, are cut off, lie. In a task.
class Population {
 public:
  // So long after its start a node counts: others may be expected to know it, and it them.
  static constexpr Duration kSettled = absl::Seconds(30);

  // Both are lent.
  Population(RoutingWorld& world, const Settings& scenario);
  ~Population();
  Population(const Population&) = delete;
  Population& operator=(const Population&) = delete;

  // Starts nodes, `between` one and the next, until there are `size`.
  absl::Status Grow(size_t size, Duration between);

  // Chooses who will vanish, lie or be cut off, now, so that others can be relied on.
  void ChooseVictims();
  bool is_victim(size_t i) const { return victims_.contains(i); }

  // Those events. A partition heals before Befall returns.
  void Befall();

  // So many nodes run.
  size_t running() const;

  // Runs, reachable from `asking`, and not only just started.
  bool Counts(size_t i, size_t asking) const;

  // A random node that counts, is not busy and no victim that lies; it is kept from leaving until
  // Release.
  size_t TakeRandom();
  void Release(size_t i) { busy_.erase(i); }

  // Nobody comes or goes any more. An error if somebody could not.
  absl::Status End();

 private:
  size_t Percent(const char* key) const;
  absl::StatusOr<size_t> AddOne();
  void ScheduleLeave(size_t i);
  void Leave(size_t i);
  void Lie(size_t liar);
  void Apart(Duration how_long);

  RoutingWorld& world_;
  const Settings& scenario_;
  const Duration session_;
  std::vector<size_t> bootstrap_;
  std::set<size_t> victims_;
  std::set<size_t> busy_;
  std::vector<std::pair<uint64_t, size_t>> liars_;  // With their positions, sorted.
  size_t leaving_ = 0;
  bool ended_ = false;
  absl::Status replacement_;  // Why a node could not be replaced.
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SIMULATE_POPULATION_H_
