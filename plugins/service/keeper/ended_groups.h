#ifndef L2P_PLUGINS_SERVICE_KEEPER_ENDED_GROUPS_H_
#define L2P_PLUGINS_SERVICE_KEEPER_ENDED_GROUPS_H_

#include <map>

#include "l2p/event.h"
#include "l2p/multihash.h"
#include "l2p/mutex.h"

namespace l2p::keeper {

// The EndedGroups are those that this node held and does not any more although their lease was not
// over: their owner has removed them. A member that was away then still has its share, and finds
// that all others have lost theirs; it must not make them again. [any thread]
class EndedGroups {
 public:
  static constexpr size_t kMost = 10'000;
  static constexpr Duration kRemembered = absl::Hours(24 * 7);  // As long as owners tell of it.

  // What this node holds now of a group, and until when.
  void Hold(const Multihash& group, Time until);
  // It does not hold it any more.
  void Drop(const Multihash& group, Time now);

  bool Contains(const Multihash& group, Time now) const;
  size_t size() const;

 private:
  mutable Mutex mutex_{"EndedGroups"};
  std::map<Multihash, Time> until_ L2P_GUARDED_BY(mutex_);  // Of those that are held.
  std::map<Multihash, Time> ended_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_ENDED_GROUPS_H_
