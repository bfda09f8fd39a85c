// How a FetchSession finds the holders of a block or a group.
#include <algorithm>

#include "kernel/network/fetch_session.h"

namespace l2p {
namespace {

constexpr Duration kSearchLimit = absl::Seconds(20);
constexpr Duration kFirstPeerPause = absl::Milliseconds(200);

}  // namespace

void FetchSession::FindHolders(const Multihash& group) {
  {
    MutexLock lock(mutex_);
    if (ended_ || local_only_) return;
    to_find_.push_back(group);
  }
  StartTasks();
}

// A node that has just been started knows nobody yet: what it cannot find now it may find soon,
// unless there is nobody it could hear of.
void FetchSession::WaitForFirstPeer(Router& router) {
  const std::unique_ptr<Event> pause = parts_.runtime.NewEvent();
  while (router.Known(1).empty() && parts_.peers.any() &&
         parts_.runtime.Now() < first_peer_until_) {
    pause->Wait(parts_.runtime.Now() + kFirstPeerPause);
    MutexLock lock(mutex_);
    if (ended_) return;
  }
}

bool FetchSession::IsFirstSearch(const Multihash& id) const {
  MutexLock lock(mutex_);
  const auto group = groups_.find(id);
  if (group != groups_.end() && group->second.searched_again) return false;
  const auto found = items_.find(id);
  return found == items_.end() || found->second.searches == 0;
}

// Goes on when the block has come from the first holder that was found: the others may have what
// is asked for next, the rest of its group.
void FetchSession::Search(const Multihash& id, uint64_t number) {
  const std::shared_ptr<Router> router = parts_.router.Get();
  WaitForFirstPeer(*router);
  const Time deadline = parts_.runtime.Now() + kSearchLimit;
  absl::Status error;
  size_t found = 0;
  // Whom this node shuns is asked when nobody else has it.
  std::vector<PeerInfo> shunned;
  const bool is_first = IsFirstSearch(id);
  auto query = router->FindProviders(id, kProvidersWanted, deadline);
  while (query.ok()) {
    absl::StatusOr<std::optional<PeerInfo>> provider = (*query)->Next(deadline);
    if (!provider.ok()) error = provider.status();
    if (!provider.ok() || !*provider) break;
    if (is_first && parts_.peers.scores.Shuns((*provider)->id)) {
      shunned.push_back(**std::move(provider));
      continue;
    }
    ++found;
    {
      MutexLock lock(mutex_);
      if (ended_) break;
      FoundGroup& group = groups_[id];
      if (group.holders.size() < kProvidersWanted) group.holders.push_back(**provider);
      if (group.state == FoundGroup::State::kAsked && !group.learnt) {
        group.state = FoundGroup::State::kUnasked;
      }
      AddHolder(**std::move(provider));
    }
    StartTasks();
  }
  if (!query.ok()) error = query.status();
  const bool alone = router->Known(1).empty() && !parts_.peers.any();
  {
    MutexLock lock(mutex_);
    if (found == 0) {
      found = shunned.size();
      for (PeerInfo& peer : shunned) AddHolder(std::move(peer));
    }
    if (!error.ok()) search_error_ = error;
    if (Item* item = EndSearch(id, number)) {
      // One that found no task here did not take place.
      const bool took_place = !absl::IsResourceExhausted(error);
      item->searches = alone ? kMaxSearchesPerBlock : item->searches + took_place;
      item->providers_found = std::max(item->providers_found, found);
      item->searched_at = parts_.runtime.Now();
    }
  }
  StartTasks();
}

// The item that was searched for; null if its block has come meanwhile.
FetchSession::Item* FetchSession::EndSearch(const Multihash& id, uint64_t number) {
  const auto found = items_.find(id);
  if (found == items_.end() || found->second.search != Item::Search::kRunning ||
      found->second.search_number != number) {
    --lingering_;
    return nullptr;
  }
  --searching_;
  found->second.search = Item::Search::kDone;
  return &found->second;
}

}  // namespace l2p
