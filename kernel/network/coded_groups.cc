// What a FetchSession does about blocks that nobody has: finds the stripe they belong to and has it
// restored.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "kernel/network/fetch_session.h"
#include "kernel/network/group_records.h"

namespace l2p {
namespace {

constexpr Duration kRecordLimit = absl::Seconds(5);
constexpr size_t kLearnedAtOnce = 4;   // Groups.
constexpr size_t kAnswersOfGroup = 6;  // That are listened to until one has records.

}  // namespace

// Whether `id` is, or may yet turn out to be, part of a stripe that can be restored.
bool FetchSession::TryRestore(const Multihash& id, Item& item) {
  if (item.restoring) return true;
  for (const std::shared_ptr<const Sidecar>& sidecar : sidecars_) {
    const std::optional<size_t> stripe = sidecar->StripeOf(id);
    if (!stripe) continue;
    item.restoring = true;
    const StripeKey key(sidecar, *stripe);
    const bool queued = std::find(to_restore_.begin(), to_restore_.end(), key) != to_restore_.end();
    if (!queued && !restoring_.contains(key)) to_restore_.push_back(key);
    return true;
  }
  size_t asking = 0;
  bool first_asking = false;  // What is asked again holds up no search for other blocks.
  for (const auto& [group, found] : groups_) {
    if (found.state != FoundGroup::State::kAsking) continue;
    ++asking;
    first_asking = first_asking || !found.asked_again;
  }
  for (auto& [group, found] : groups_) {
    if (found.state != FoundGroup::State::kUnasked || asking >= kLearnedAtOnce) continue;
    ++asking;
    first_asking = first_asking || !found.asked_again;
    found.state = FoundGroup::State::kAsking;
    to_learn_of_.push_back(group);
  }
  return first_asking;
}

// The next holder of `group` to ask for its records: those who are there come first, those who have
// been given up are left out.
const PeerInfo* FetchSession::NextToAsk(const FoundGroup& group) const {
  const PeerInfo* next = nullptr;
  for (const PeerInfo& peer : group.holders) {
    if (group.asked.contains(peer.id)) continue;
    const auto found = holders_.find(peer.id);
    const Holder* const holder = found == holders_.end() ? nullptr : found->second.get();
    if (holder != nullptr && holder->state == Holder::State::kServing) return &peer;
    const bool given_up = holder != nullptr && holder->state == Holder::State::kLeft &&
                          holder->retry_at == absl::InfiniteFuture();
    if (next == nullptr && !given_up) next = &peer;
  }
  return next;
}

// What a holder says of a group is anybody's word: when it leads nowhere, the others are asked.
void FetchSession::AskOthers(FoundGroup& group) {
  group.learnt = false;
  if (group.state == FoundGroup::State::kAsked) group.state = FoundGroup::State::kUnasked;
}

// Whether holders are being asked of their groups, or may be: the sidecars that are known may be
// false, or those that were asked may have kept silent about one.
bool FetchSession::MayLearnMore() {
  bool may = false;
  for (auto& [id, group] : groups_) {
    if (group.learnt && NextToAsk(group) != nullptr) {
      group.asked_again = true;
      AskOthers(group);
    }
    may = may || group.state != FoundGroup::State::kAsked;
  }
  return may;
}

// Asks holders of `group` for its records until one has any, and fetches the sidecars they name.
void FetchSession::LearnOf(const Multihash& group) {
  for (size_t answers = 0;;) {
    std::optional<PeerInfo> holder;
    {
      MutexLock lock(mutex_);
      FoundGroup& found = groups_[group];
      const PeerInfo* const next = found.learnt || ended_ ? nullptr : NextToAsk(found);
      if (next == nullptr) {
        // One that is found later is asked, too.
        found.state = FoundGroup::State::kAsked;
        break;
      }
      holder = *next;
      found.asked.insert(next->id);
    }
    const absl::StatusOr<std::vector<GroupRecord>> records = AskGroupRecords(
        parts_.messenger, parts_.crypto, *holder, group, parts_.runtime.Now() + kRecordLimit);
    if (!records.ok()) continue;
    bool has_taught = false;
    for (const GroupRecord& record : *records) {
      if (record.sidecar.empty() || !NeedsSidecar(record.sidecar, group)) continue;
      const std::shared_ptr<const Sidecar> sidecar = FetchSidecar(record.sidecar, group);
      if (sidecar == nullptr) continue;
      has_taught = true;
      MutexLock lock(mutex_);
      KeepSidecar(record.sidecar, sidecar);
    }
    MutexLock lock(mutex_);
    if (has_taught || ++answers == kAnswersOfGroup) groups_[group].learnt = true;
  }
  {
    MutexLock lock(mutex_);
    for (auto& [id, item] : items_) {
      if (item.in_network && item.assigned.empty()) SearchIfUnknown(id, item);
    }
  }
  StartTasks();
}

bool FetchSession::NeedsSidecar(const Multihash& id, const Multihash& group) {
  MutexLock lock(mutex_);
  FoundGroup& found = groups_.at(group);
  const auto known = found.sidecars.find(id);
  if (known == found.sidecars.end()) return true;
  KnownSidecar& sidecar = known->second;
  if (sidecar.is_refused || !sidecar.kept.expired()) return false;
  // It made room for others. When all holders are asked, each of them names it again.
  return !found.asked_again || !std::exchange(sidecar.fetched_again, true);
}

void FetchSession::KeepSidecar(const Multihash& id, std::shared_ptr<const Sidecar> sidecar) {
  groups_[sidecar->group().id].sidecars[id].kept = sidecar;
  sidecars_.push_front(std::move(sidecar));
  if (sidecars_.size() > kMaxSidecars) sidecars_.resize(kMaxSidecars);
}

std::shared_ptr<const Sidecar> FetchSession::FetchSidecar(const Multihash& id,
                                                          const Multihash& group) {
  const auto basket = std::make_shared<Basket>();
  const std::vector<BlockRef> block = {{id, kUnknownSize}};
  Ask(block, basket, /*probe=*/false);
  AwaitWhileAnythingComes([&]() L2P_REQUIRES(mutex_) {
    return ended_ || basket->contains(id) || (PresenceKnown(block) && !CanBeHad(id, *basket));
  });
  DropAll(block, basket);
  MutexLock lock(mutex_);
  const auto arrived = basket->find(id);
  if (arrived == basket->end()) return nullptr;
  absl::StatusOr<Sidecar> sidecar = Sidecar::Parse(arrived->second);
  if (!sidecar.ok() || sidecar->group().id != group) {
    groups_[group].sidecars[id].is_refused = true;
    return nullptr;
  }
  return std::make_shared<const Sidecar>(*std::move(sidecar));
}

bool FetchSession::AwaitWhileAnythingComes(const std::function<bool()>& done) {
  for (Time deadline = parts_.runtime.Now() + options_.patience;;) {
    if (Await(mutex_, *progress_, deadline, done)) return true;
    MutexLock lock(mutex_);
    if (last_arrival_ + options_.patience <= deadline) return false;
    deadline = last_arrival_ + options_.patience;
  }
}

void FetchSession::Ask(const std::vector<BlockRef>& blocks, const std::shared_ptr<Basket>& basket,
                       bool probe) {
  {
    MutexLock lock(mutex_);
    for (const BlockRef& block : blocks) {
      auto [found, is_new] = items_.try_emplace(block.id);
      found->second.baskets.push_back(basket);
      if (is_new) {
        found->second.size = block.size;
        found->second.probe = probe;
        local_queue_.push_back(block.id);
      } else if (!probe && found->second.probe) {
        Promote(block.id, found->second);
      }
    }
  }
  StartTasks();
}

void FetchSession::Promote(const Multihash& id, Item& item) {
  item.probe = false;
  for (Holder* holder : item.holders) {
    holder->available.push_front(id);
    holder->work->Set();
  }
}

void FetchSession::Fetch(const std::vector<Multihash>& ids) {
  {
    MutexLock lock(mutex_);
    for (const Multihash& id : ids) {
      const auto found = items_.find(id);
      if (found != items_.end() && found->second.assigned.empty()) Promote(id, found->second);
    }
  }
  StartTasks();
}

void FetchSession::DropAll(const std::vector<BlockRef>& blocks,
                           const std::shared_ptr<Basket>& basket) {
  MutexLock lock(mutex_);
  for (const BlockRef& block : blocks) {
    const auto found = items_.find(block.id);
    if (found == items_.end()) continue;
    Item& item = found->second;
    std::erase(item.baskets, basket);
    if (!item.tags.empty() || !item.baskets.empty()) continue;
    for (Holder* holder : std::vector<Holder*>(item.assigned)) Unassign(*holder, block.id);
    items_.erase(found);
  }
}

bool FetchSession::CanBeHad(const Multihash& id, const Basket& basket) const {
  if (basket.contains(id)) return true;
  const auto found = items_.find(id);
  if (found == items_.end()) return false;
  if (!found->second.in_network) return false;  // Not looked for here yet.
  return std::any_of(found->second.holders.begin(), found->second.holders.end(),
                     [](const Holder* holder) { return holder->state == Holder::State::kServing; });
}

bool FetchSession::PresenceKnown(const std::vector<BlockRef>& blocks) const {
  if (searching_ + lingering_ + to_find_.size() > 0) return false;  // More holders may be found.
  for (const auto& [peer, holder] : holders_) {
    if (holder->state == Holder::State::kStarting ||
        (holder->state == Holder::State::kLeft && holder->retry_at < absl::InfiniteFuture())) {
      return false;
    }
  }
  const auto is_known = [&](const BlockRef& block) L2P_REQUIRES(mutex_) {
    const auto found = items_.find(block.id);
    if (found == items_.end()) return true;
    if (!found->second.in_network) return false;
    return std::none_of(holders_.begin(), holders_.end(), [&](const auto& entry) {
      return entry.second->state == Holder::State::kServing &&
             entry.second->unanswered.contains(block.id);
    });
  };
  return std::all_of(blocks.begin(), blocks.end(), is_known);
}

void FetchSession::EndRestore(const StripeKey& stripe,
                              std::vector<std::pair<Multihash, Bytes>> restored,
                              const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    restoring_.erase(stripe);
    for (auto& [id, data] : restored) Deliver(id, std::move(data));
    // The first search may have missed some, and left out those this node shuns.
    FoundGroup& group = groups_[stripe.first->group().id];
    const bool search_again = absl::IsUnavailable(status) && !ended_ && !group.searched_again;
    const bool searching = finding_holders_ + to_find_.size() > 0;  // For another stripe's sake.
    if (search_again) {
      group.searched_again = true;
      to_find_.push_back(stripe.first->group().id);
    } else if (!status.ok() && !(absl::IsUnavailable(status) && searching)) {
      Refuse(stripe.first, status);
    }
    GoOnWithout(stripe, status);
  }
  StartTasks();
}

// A sidecar by which a stripe cannot be restored is not used again: there may be another, which
// names pieces that can be had, and yields what their leaves' ids say.
void FetchSession::Refuse(const std::shared_ptr<const Sidecar>& sidecar, const absl::Status& why) {
  std::erase(sidecars_, sidecar);
  FoundGroup& group = groups_[sidecar->group().id];
  for (auto& [id, known] : group.sidecars) {
    known.is_refused = known.is_refused || known.kept.lock() == sidecar;
  }
  AskOthers(group);
  std::erase_if(to_restore_, [&](const StripeKey& stripe) L2P_REQUIRES(mutex_) {
    if (stripe.first != sidecar) return false;
    GoOnWithout(stripe, why);
    return true;
  });
}

// Watch has what is missing restored anew, if there is a way.
void FetchSession::GoOnWithout(const StripeKey& stripe, const absl::Status& why) {
  for (const uint32_t leaf : stripe.first->stripes()[stripe.second].AllLeaves()) {
    const auto found = items_.find(stripe.first->group().leaves[leaf].id);
    if (found == items_.end() || !found->second.restoring) continue;
    found->second.restoring = false;
    if (!absl::IsDataLoss(why)) found->second.restore_error = why;
  }
}

}  // namespace l2p
