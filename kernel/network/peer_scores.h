#ifndef L2P_KERNEL_NETWORK_PEER_SCORES_H_
#define L2P_KERNEL_NETWORK_PEER_SCORES_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "l2p/runtime.h"
#include "l2p/service.h"

namespace l2p {

// PeerScores is this node's own opinion of other peers, from what they did to it: never what others
// say. Good and bad conduct both fade by half every kHalfLife; good conduct is capped low, so that
// nobody earns the right to cheat. Kept across restarts. [any thread]
class PeerScores {
 public:
  static constexpr size_t kMostPeers = 10'000;  // Then the one nearest to 0 is forgotten.
  static constexpr Duration kHalfLife = absl::Hours(6);
  static constexpr double kBest = 20;
  static constexpr double kWorst = -200;

  // What was seen of a peer since it was first noted, unfaded.
  struct Opinion {
    double score = 0;
    uint64_t served_bytes = 0;
    uint64_t wrong = 0;
    uint64_t refusals = 0;
    uint64_t timeouts = 0;
    uint64_t audits_passed = 0;
    uint64_t audits_failed = 0;
  };

  // Lent; they outlive this.
  PeerScores(Runtime& runtime, State& state) : runtime_(runtime), state_(state) {}

  // Fills an empty table from the State (keys "score/<peer>"); writes what changed since the last
  // Save. A row that cannot be read is left out.
  absl::Status Load();
  absl::Status Save();

  void Note(const PeerId& peer, Conduct conduct, uint64_t amount = 1);

  double Score(const PeerId& peer);
  bool Shuns(const PeerId& peer) { return Score(peer) <= NodePeers::kShunned; }
  Opinion Find(const PeerId& peer);               // All 0 if nothing was noted.
  std::vector<std::pair<PeerId, Opinion>> All();  // Sorted by id.

 private:
  struct Entry {
    Opinion opinion;  // Its score as it was `at`.
    Time at;
  };

  static double Faded(const Entry& entry, Time now);
  static std::string Encode(const Entry& entry);
  static bool Decode(const std::string& value, Entry& entry);
  void ForgetOne(const PeerId& but, Time now) L2P_REQUIRES(mutex_);

  Runtime& runtime_;
  State& state_;
  Mutex mutex_{"PeerScores"};
  std::map<PeerId, Entry> entries_ L2P_GUARDED_BY(mutex_);
  std::set<PeerId> unsaved_ L2P_GUARDED_BY(mutex_);  // Changed or forgotten.
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_PEER_SCORES_H_
