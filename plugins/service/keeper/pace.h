#ifndef L2P_PLUGINS_SERVICE_KEEPER_PACE_H_
#define L2P_PLUGINS_SERVICE_KEEPER_PACE_H_

#include <algorithm>

#include "keeping.h"

namespace l2p::keeper {

// A Pace spreads bytes over time, so that a repair leaves room for others. [any thread]
class Pace {
 public:
  // What may be moved at once after a pause.
  static constexpr Duration kBurst = absl::Seconds(1);

  explicit Pace(const Keeping& keeping) : keeping_(keeping) {}

  // Returns when `bytes` more may be moved; false when the service stops first.
  bool Take(uint64_t bytes) {
    const Time now = keeping_.host.Now();
    Time turn;
    {
      MutexLock lock(mutex_);
      next_ = std::max(next_, now - kBurst);
      turn = next_;
      next_ += absl::Seconds(static_cast<double>(bytes) /
                             static_cast<double>(keeping_.options.repair_rate));
    }
    return turn <= now ? !keeping_.stopped() : keeping_.Sleep(turn - now);
  }

 private:
  const Keeping& keeping_;
  Mutex mutex_{"Pace"};
  Time next_ L2P_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_PACE_H_
