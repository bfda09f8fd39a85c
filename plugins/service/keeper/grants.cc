#include "grants.h"

#include <algorithm>

namespace l2p::keeper {

bool Grants::Give(const Multihash& group, const PeerId& peer, Time until, Time now,
                  Duration pause) {
  const Key key(group, peer);
  MutexLock lock(mutex_);
  std::erase_if(grants_, [&](const auto& entry) { return entry.second.until <= now; });
  const auto found = grants_.find(group);
  if (found != grants_.end() && found->second.peer != peer) return false;
  if (until <= now) {
    if (found == grants_.end()) return true;
    grants_.erase(found);
    if (const auto turn = turns_.find(key); turn != turns_.end()) {
      turn->second.end = turn->second.first + kLongestTurn;
    }
    return true;
  }
  Turn turn{now, now, pause};
  if (const auto last = turns_.find(key); last != turns_.end()) {
    const bool is_over = now >= last->second.end;
    if (is_over && now < last->second.end + last->second.pause) return false;
    if (!is_over) turn.first = last->second.first;
  }
  if (found == grants_.end()) {
    size_t of_peer = 0;
    for (const auto& [id, grant] : grants_) of_peer += grant.peer == peer;
    if (grants_.size() >= kMost || of_peer >= kMostOfPeer) return false;
  }
  turn.end = std::min(until, turn.first + kLongestTurn);
  grants_[group] = {peer, turn.end};
  if (turns_.size() >= kMostTurns) {
    std::erase_if(turns_,
                  [&](const auto& entry) { return entry.second.end + entry.second.pause <= now; });
  }
  if (turns_.size() < kMostTurns || turns_.contains(key)) turns_[key] = turn;
  return true;
}

PeerId Grants::Holder(const Multihash& group, Time now) const {
  MutexLock lock(mutex_);
  const auto found = grants_.find(group);
  return found == grants_.end() || found->second.until <= now ? PeerId() : found->second.peer;
}

void Grants::ForgetTurnsBut(const std::vector<Multihash>& due) {
  MutexLock lock(mutex_);
  std::erase_if(turns_, [&](const auto& entry) {
    return !std::binary_search(due.begin(), due.end(), entry.first.first);
  });
}

}  // namespace l2p::keeper
