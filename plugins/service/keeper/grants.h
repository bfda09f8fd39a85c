#ifndef L2P_PLUGINS_SERVICE_KEEPER_GRANTS_H_
#define L2P_PLUGINS_SERVICE_KEEPER_GRANTS_H_

#include <map>

#include "l2p/event.h"
#include "l2p/multihash.h"
#include "l2p/mutex.h"
#include "l2p/peer_id.h"

namespace l2p::keeper {

// The Grants are this node's consents to repairs: of one group to one peer at a time, this node
// among them. Each ends by itself. [any thread]
class Grants {
 public:
  static constexpr size_t kMost = 10'000;
  static constexpr size_t kMostOfPeer = 64;

  // False while another has the consent, or at a cap. `until` not after `now` gives it back.
  bool Give(const Multihash& group, const PeerId& peer, Time until, Time now);

  // Who repairs the group; empty when nobody does.
  PeerId Holder(const Multihash& group, Time now) const;

 private:
  struct Grant {
    PeerId peer;
    Time until;
  };
  mutable Mutex mutex_{"Grants"};
  std::map<Multihash, Grant> grants_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_GRANTS_H_
