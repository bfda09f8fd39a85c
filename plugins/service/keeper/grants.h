#ifndef L2P_PLUGINS_SERVICE_KEEPER_GRANTS_H_
#define L2P_PLUGINS_SERVICE_KEEPER_GRANTS_H_

#include <map>
#include <utility>
#include <vector>

#include "l2p/event.h"
#include "l2p/multihash.h"
#include "l2p/mutex.h"
#include "l2p/peer_id.h"

namespace l2p::keeper {

// The Grants are this node's consents to repairs: of one group to one peer at a time, this node
// among them. Each ends by itself, and a peer that has had its turn at a group lets others try, so
// that nobody stops a repair by claiming it. [any thread]
class Grants {
 public:
  static constexpr size_t kMost = 10'000;
  static constexpr size_t kMostOfPeer = 64;
  static constexpr size_t kMostTurns = 50'000;  // Beyond them nobody's turn is remembered.
  // Of a peer at a group, from the first consent on, whatever it gives back meanwhile.
  static constexpr Duration kLongestTurn = absl::Hours(6);

  // False while another has the consent, at a cap, and for `pause` after the turn of `peer` has
  // ended: with a consent that it has not given back, or after kLongestTurn. `until` not after
  // `now` gives the consent back.
  bool Give(const Multihash& group, const PeerId& peer, Time until, Time now, Duration pause);

  // Who repairs the group; empty when nobody does.
  PeerId Holder(const Multihash& group, Time now) const;

  // Forgets whose turn it was at groups that need no repair: of all but `due`, which is sorted.
  void ForgetTurnsBut(const std::vector<Multihash>& due);

 private:
  struct Grant {
    PeerId peer;
    Time until;
  };
  struct Turn {
    Time first;  // Consent.
    Time end;
    Duration pause;
  };

  using Key = std::pair<Multihash, PeerId>;

  mutable Mutex mutex_{"Grants"};
  std::map<Multihash, Grant> grants_ L2P_GUARDED_BY(mutex_);
  std::map<Key, Turn> turns_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_GRANTS_H_
