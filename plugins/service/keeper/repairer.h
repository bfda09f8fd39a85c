#ifndef L2P_PLUGINS_SERVICE_KEEPER_REPAIRER_H_
#define L2P_PLUGINS_SERVICE_KEEPER_REPAIRER_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "ended_groups.h"
#include "grants.h"
#include "group_content.h"
#include "keeping.h"
#include "pace.h"

namespace l2p::keeper {

// The Repairer brings groups that have lost too many pieces back to their target: first in the
// group's order, or, when those before it let a group wait, in their place. One group at a time,
// with the consent of all other members within reach, so that no two members repair one group.
//
// [any thread], but Step, which never overlaps itself.
class Repairer {
 public:
  // All places that a repair may have to fill: who comes later reads again what the first have
  // read. No more than can have something of their share each kRound at the repair rate, though, or
  // receivers would hang up.
  static constexpr size_t kPushesAtOnce = 16;
  static constexpr size_t kLeastPushesAtOnce = 4;
  static constexpr Duration kRound = absl::Seconds(8);
  static constexpr Duration kConsent = absl::Minutes(10);
  static constexpr Duration kRenewal = absl::Minutes(5);  // Asked for again while a repair lasts.
  // Between tries of one group that came to nothing, at first; each pause is twice the last.
  static constexpr Duration kPause = absl::Minutes(1);
  static constexpr Duration kLongestPause = absl::Hours(1);
  // After blocks that contradict each other, which will not agree in an hour.
  static constexpr Duration kDataLossPause = absl::Hours(24);
  static constexpr Duration kAskLimit = absl::Seconds(10);
  static constexpr Duration kCandidatesLimit = absl::Seconds(30);

  explicit Repairer(const Keeping& keeping);

  // Looks at all groups and repairs those whose turn it is.
  void Step();

  // Puts blocks back that this node has lost of its own shares.
  void Mend();

  // Whether `peer` may repair `group` now, as far as this node is concerned.
  bool Consent(const PeerId& peer, const RepairClaim& claim);

  // What was taken from this node before its time: it consents to no repair of that.
  EndedGroups& ended() { return ended_; }

  enum class Phase { kIdle, kDue, kRunning };
  Phase PhaseOf(const Multihash& group) const;

 private:
  class Filling;
  // A group that needs repair.
  struct Due {
    Time since;
    Time not_before = absl::InfinitePast();
    Duration pause = kPause;
  };

  bool IsDue(const Multihash& group, const KeptGroup& kept);
  void RepairOne(const Multihash& group, const KeptGroup& kept);
  bool GiveSelf(const Multihash& group, Time until);
  void TryLater(const Multihash& group, Duration least_pause);
  // With those that once held the group.
  std::set<PeerId> WhoHasASay(const Multihash& group) const;
  bool AskAll(const Multihash& group, const std::set<PeerId>& peers, Duration time);
  absl::Status RestoreWithConsent(const Multihash& group, const std::set<PeerId>& others,
                                  std::span<const MemberView> members, const Verdict& verdict);
  absl::Status Restore(const Multihash& group, std::span<const MemberView> members,
                       const Verdict& verdict);
  using NewReader = std::function<BlockReader()>;  // For one push.
  absl::Status Fill(const GroupContent& content, std::vector<PeerInfo> candidates,
                    const std::vector<Place>& missing, const NewReader& new_reader);
  absl::Status MendOne(const Multihash& group, const std::vector<BlockRef>& lost);
  void TellMembers(const MemberHint& added);
  size_t PushesAtOnce() const;
  BlockReader Paced(BlockReader read);

  const Keeping& keeping_;
  Pace pace_;
  Grants grants_;
  EndedGroups ended_;
  Metric& repairs_;
  Metric& fetched_bytes_;
  Metric& pushed_bytes_;
  Metric& mended_;
  Metric& degraded_;
  mutable Mutex mutex_{"Repairer"};
  std::map<Multihash, Due> due_ L2P_GUARDED_BY(mutex_);
  Multihash running_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_REPAIRER_H_
