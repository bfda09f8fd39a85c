#ifndef L2P_PLUGINS_SERVICE_KEEPER_ENDED_GROUPS_H_
#define L2P_PLUGINS_SERVICE_KEEPER_ENDED_GROUPS_H_

#include <map>
#include <set>
#include <utility>

#include "l2p/event.h"
#include "l2p/multihash.h"
#include "l2p/mutex.h"
#include "l2p/state.h"

namespace l2p::keeper {

// The EndedGroups are those that this node held and does not any more although their lease was not
// over: their owner has removed them. A member that was away then still has its share, and finds
// that all others have lost theirs; it must not make them again. It gives its share up with its
// lease at the latest, so each is remembered until this node's lease would have ended.
//
// [any thread]; Load and Save wait on the disk.
class EndedGroups {
 public:
  static constexpr size_t kMost = 10'000;  // Those that ended first make room.

  // What this node holds now of a group, and until when.
  void Hold(const Multihash& group, Time until);
  // It does not hold it any more.
  void Drop(const Multihash& group, Time now);

  bool Contains(const Multihash& group, Time now) const;
  size_t size() const;

  // Those that have ended, kept across restarts; what is held has to be told again.
  absl::Status Load(State& state);
  // What has changed since. Forgets those whose lease would be over by `now`.
  absl::Status Save(State& state, Time now);

 private:
  struct Ended {
    Time at;
    Time until;
  };

  void Insert(const Multihash& group, const Ended& ended) L2P_REQUIRES(mutex_);
  void Erase(const Multihash& group) L2P_REQUIRES(mutex_);

  mutable Mutex mutex_{"EndedGroups"};
  std::map<Multihash, Time> until_ L2P_GUARDED_BY(mutex_);  // Of those that are held.
  std::map<Multihash, Ended> ended_ L2P_GUARDED_BY(mutex_);
  std::set<std::pair<Time, Multihash>> order_ L2P_GUARDED_BY(mutex_);  // Of ended_, by `at`.
  std::set<Multihash> unsaved_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_ENDED_GROUPS_H_
