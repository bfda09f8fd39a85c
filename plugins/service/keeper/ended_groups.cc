#include "ended_groups.h"

namespace l2p::keeper {

void EndedGroups::Hold(const Multihash& group, Time until) {
  MutexLock lock(mutex_);
  until_[group] = until;
  ended_.erase(group);
}

void EndedGroups::Drop(const Multihash& group, Time now) {
  MutexLock lock(mutex_);
  const auto held = until_.find(group);
  if (held == until_.end()) return;
  const bool is_early = now < held->second;
  until_.erase(held);
  if (!is_early) return;
  if (ended_.size() >= kMost) {
    std::erase_if(ended_, [&](const auto& entry) { return now - entry.second >= kRemembered; });
  }
  if (ended_.size() < kMost) ended_[group] = now;
}

bool EndedGroups::Contains(const Multihash& group, Time now) const {
  MutexLock lock(mutex_);
  const auto found = ended_.find(group);
  return found != ended_.end() && now - found->second < kRemembered;
}

size_t EndedGroups::size() const {
  MutexLock lock(mutex_);
  return ended_.size();
}

}  // namespace l2p::keeper
