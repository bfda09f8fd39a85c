#ifndef L2P_TESTS_SWARM_SIMULATED_AGENDA_H_
#define L2P_TESTS_SWARM_SIMULATED_AGENDA_H_

#include <cmath>
#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <utility>

#include "l2p/testkit/simulation.h"

namespace l2p {

// An Agenda is what will happen in a history, and the chance that decides when. The same seed makes
// the same agenda. `simulation` is lent.
class Agenda {
 public:
  Agenda(testkit::Simulation& simulation, uint64_t seed) : simulation_(simulation), random_(seed) {}

  uint64_t Random() { return random_(); }
  size_t Below(size_t bound) { return random_() % bound; }
  Duration Exponential(Duration mean) { return -std::log(Unit()) * mean; }

  void In(Duration time, std::function<void()> what) {
    events_.emplace(simulation_.Now() + time, std::move(what));
  }

  // Again and again until StopRepeating, at random times `every` apart in the mean.
  void Repeat(Duration every, std::function<void()> what) {
    In(Exponential(every), [this, every, what = std::move(what)] {
      if (!repeats_) return;
      what();
      Repeat(every, what);
    });
  }
  void StopRepeating() { repeats_ = false; }

  // Lets what is due until `end` happen, and `after` each.
  void Pass(Time end, const std::function<void()>& after) {
    while (!events_.empty() && events_.begin()->first <= end) {
      const Time when = events_.begin()->first;
      if (when > simulation_.Now()) simulation_.Sleep(when - simulation_.Now());
      Next();
      after();
    }
    if (end > simulation_.Now()) simulation_.Sleep(end - simulation_.Now());
  }

  // All that is left happens now.
  void Hurry() {
    while (!events_.empty()) Next();
  }

 private:
  double Unit() { return (static_cast<double>(random_() >> 11) + 0.5) / 9007199254740992.0; }

  void Next() {
    const std::function<void()> what = std::move(events_.begin()->second);
    events_.erase(events_.begin());
    what();
  }

  testkit::Simulation& simulation_;
  std::mt19937_64 random_;
  std::multimap<Time, std::function<void()>> events_;
  bool repeats_ = true;
};

}  // namespace l2p

#endif  // L2P_TESTS_SWARM_SIMULATED_AGENDA_H_
