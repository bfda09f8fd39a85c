#ifndef L2P_PLUGINS_SERVICE_KEEPER_PROBER_H_
#define L2P_PLUGINS_SERVICE_KEEPER_PROBER_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "keeping.h"

namespace l2p::keeper {

// The Prober asks each peer that shares groups with this node, once an interval, whether it is
// there and both still hold the same: by one digest over all groups they share, and the parts of it
// that differ. Of two peers the one with the smaller id asks; the other only when it has heard
// nothing for too long.
//
// [any thread], but Step, which never overlaps itself.
class Prober {
 public:
  static constexpr size_t kAtOnce = 64;
  static constexpr size_t kMaxRounds = 2 * Range::kMaxPath + 4;
  static constexpr Duration kLimit = absl::Seconds(20);  // Of one request, its dial included.

  explicit Prober(const Keeping& keeping);

  // Probes everyone whose turn it is.
  void Step();
  // A peer that was away seems to be back: it is its turn.
  void Hurry(const PeerId& peer);

  // How long a peer is left alone: longer the more there are, so that a day has no more than
  // probes_per_day.
  Duration Interval() const;

  // The answer to what `peer` asks.
  std::vector<Range> Answer(const PeerId& peer, const std::vector<Range>& asked);

 private:
  struct Conversation {
    PeerId peer;
    std::vector<Range> next;  // To be sent.
    size_t rounds = 0;
  };

  std::vector<PeerId> Due();
  void Talk(std::vector<PeerId> peers);
  // What to say next to an answer; empty when all is settled.
  std::vector<Range> Reply(const PeerId& peer, const std::vector<Range>& asked,
                           const std::vector<Range>& answers);

  const Keeping& keeping_;
  Metric& probes_;
  Metric& bytes_;
  Mutex mutex_{"Prober"};
  std::map<PeerId, Time> probed_ L2P_GUARDED_BY(mutex_);
  std::set<PeerId> hurried_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_PROBER_H_
