#include "grants.h"

namespace l2p::keeper {

bool Grants::Give(const Multihash& group, const PeerId& peer, Time until, Time now) {
  MutexLock lock(mutex_);
  std::erase_if(grants_, [&](const auto& entry) { return entry.second.until <= now; });
  const auto found = grants_.find(group);
  if (found != grants_.end() && found->second.peer != peer) return false;
  if (until <= now) {
    if (found != grants_.end()) grants_.erase(found);
    return true;
  }
  if (found == grants_.end()) {
    size_t of_peer = 0;
    for (const auto& [id, grant] : grants_) of_peer += grant.peer == peer;
    if (grants_.size() >= kMost || of_peer >= kMostOfPeer) return false;
  }
  grants_[group] = {peer, until};
  return true;
}

PeerId Grants::Holder(const Multihash& group, Time now) const {
  MutexLock lock(mutex_);
  const auto found = grants_.find(group);
  return found == grants_.end() || found->second.until <= now ? PeerId() : found->second.peer;
}

}  // namespace l2p::keeper
