#include "kernel/network/fetch_session.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernel/network/holder_task.h"
#include "kernel/network/restore_task.h"

namespace l2p {
namespace {

constexpr Duration kWatchPeriod = absl::Milliseconds(250);
constexpr Duration kSearchAgainAfter = absl::Seconds(1);
constexpr Duration kLateRetry = absl::Seconds(5);
constexpr Duration kFirstPeerLimit = absl::Seconds(5);
constexpr size_t kLocalBatch = 8;

}  // namespace

FetchSession::FetchSession(Parts parts, Exchange::Options options, bool local_only)
    : parts_(parts),
      options_(options),
      local_only_(local_only),
      first_peer_until_(parts.runtime.Now() + kFirstPeerLimit),
      arrived_(parts.runtime.NewEvent()),
      progress_(parts.runtime.NewEvent()) {}

void FetchSession::Begin() {
  if (local_only_) return;
  auto watch =
      parts_.runtime.tasks().Every("watch a fetch", kWatchPeriod, [weak = weak_from_this()] {
        if (const auto session = weak.lock()) {
          session->Watch();
        }
      });
  MutexLock lock(mutex_);
  if (!ended_) watch_.swap(watch);
}

void FetchSession::End() {
  std::vector<std::shared_ptr<Stream>> open;
  std::unique_ptr<Registration> watch;
  {
    MutexLock lock(mutex_);
    ended_ = true;
    for (const auto& [holder, stream] : streams_) open.push_back(stream);
    WakeHolders();
    watch.swap(watch_);
    arrived_->Set();
    progress_->Set();
  }
  for (const auto& stream : open) stream->Reset();
}

void FetchSession::Want(std::span<const BlockSource::Wanted> wanted) {
  {
    MutexLock lock(mutex_);
    for (const BlockSource::Wanted& want : wanted) {
      auto [found, is_new] = items_.try_emplace(want.id.hash());
      found->second.tags.push_back(want.tag);
      if (!is_new && found->second.probe) Promote(want.id.hash(), found->second);
      if (!is_new) continue;
      found->second.size = want.size == 0 ? kUnknownSize : want.size;
      found->second.is_node = want.id.codec() == Codec::kDagPb;
      local_queue_.push_back(want.id.hash());
    }
  }
  StartTasks();
}

absl::StatusOr<BlockSource::Arrived> FetchSession::Next(Time deadline) {
  const bool came = Await(mutex_, *arrived_, deadline,
                          [this]() L2P_REQUIRES(mutex_) { return !results_.empty() || ended_; });
  if (!came) return absl::DeadlineExceededError("no block came in time");
  std::optional<BlockSource::Arrived> result;
  {
    MutexLock lock(mutex_);
    if (ended_) return absl::AbortedError("the node is stopping");
    result = std::move(results_.front());
    results_.pop_front();
    if (result->data.ok()) arrived_bytes_ -= result->data->size();
    WakeHolders();
  }
  StartTasks();
  return *std::move(result);
}

std::vector<Exchange::Served> FetchSession::served() const {
  std::vector<Exchange::Served> all;
  {
    MutexLock lock(mutex_);
    for (const auto& [peer, holder] : holders_) {
      if (holder->blocks + holder->bad == 0) continue;
      all.push_back({peer, holder->bytes, holder->blocks, holder->bad});
    }
  }
  std::stable_sort(all.begin(), all.end(),
                   [](const auto& a, const auto& b) { return a.bytes > b.bytes; });
  return all;
}

void FetchSession::StartTasks() {
  progress_->Set();
  bool look = false;
  std::vector<std::pair<Multihash, uint64_t>> searches;
  std::vector<Holder*> holders;
  std::vector<Multihash> to_learn_of;
  std::vector<std::pair<Multihash, uint64_t>> to_find;
  std::vector<StripeKey> restores;
  {
    MutexLock lock(mutex_);
    if (ended_) return;
    if (!looking_locally_ && !local_queue_.empty() && arrived_bytes_ < options_.window_bytes) {
      look = looking_locally_ = true;
    }
    for (; searching_ < kMaxSearches && searching_ + lingering_ < kMaxAllSearches &&
           !search_queue_.empty();
         search_queue_.pop_front()) {
      const auto found = items_.find(search_queue_.front());
      if (found == items_.end()) continue;
      found->second.search = Item::Search::kRunning;
      found->second.search_number = ++searches_begun_;
      ++searching_;
      searches.emplace_back(found->first, searches_begun_);
    }
    holders.swap(to_start_);
    to_learn_of.swap(to_learn_of_);
    for (Multihash& group : to_find_) to_find.emplace_back(std::move(group), ++searches_begun_);
    to_find_.clear();
    finding_holders_ += to_find.size();
    lingering_ += to_find.size();
    while (restoring_.size() < kMaxRestores && !to_restore_.empty()) {
      restores.push_back(to_restore_.front());
      restoring_.insert(std::move(to_restore_.front()));
      to_restore_.pop_front();
    }
  }
  const auto self = shared_from_this();
  const auto start = [this](const char* name, std::function<void()> work,
                            const std::function<void(absl::Status)>& failed) {
    const absl::Status status = parts_.tasks.Start(name, std::move(work));
    if (!status.ok()) failed(status);
  };
  if (look) {
    start(
        "look for blocks here", [self] { self->LookLocally(); },
        [&](const absl::Status&) {
          MutexLock lock(mutex_);
          looking_locally_ = false;  // Next or Watch tries again.
        });
  }
  for (const std::pair<Multihash, uint64_t>& search : searches) {
    start(
        "find holders", [self, search] { self->Search(search.first, search.second); },
        [&](const absl::Status& status) {
          MutexLock lock(mutex_);
          search_error_ = status;
          EndSearch(search.first, search.second);
        });
  }
  for (const std::pair<Multihash, uint64_t>& search : to_find) {
    start(
        "find holders",
        [self, search] {
          self->Search(search.first, search.second);
          MutexLock lock(self->mutex_);
          --self->finding_holders_;
        },
        [&](const absl::Status&) {
          MutexLock lock(mutex_);
          --finding_holders_;
          --lingering_;
          to_find_.push_back(search.first);  // Watch tries again.
        });
  }
  for (const Multihash& group : to_learn_of) {
    start(
        "learn of a group", [self, group] { self->LearnOf(group); },
        [&](const absl::Status&) {
          MutexLock lock(mutex_);
          groups_[group].state = FoundGroup::State::kUnasked;  // Watch tries again.
        });
  }
  for (const StripeKey& stripe : restores) {
    start(
        "restore a stripe",
        [self, stripe] { RestoreTask(*self, stripe.first, stripe.second).Run(); },
        [&](const absl::Status&) {
          MutexLock lock(mutex_);
          restoring_.erase(stripe);
          to_restore_.push_front(stripe);  // Watch tries again.
        });
  }
  for (Holder* holder : holders) {
    start(
        "fetch from a holder", [self, holder] { HolderTask(*self, *holder).Run(); },
        [&](const absl::Status& status) { Leave(*holder, status, false); });
  }
}

void FetchSession::LookLocally() {
  for (;;) {
    std::vector<Multihash> ids;
    {
      MutexLock lock(mutex_);
      size_t bytes = arrived_bytes_;
      while (!ended_ && !local_queue_.empty() && ids.size() < kLocalBatch &&
             bytes < options_.window_bytes) {
        ids.push_back(std::move(local_queue_.front()));
        local_queue_.pop_front();
        const auto found = items_.find(ids.back());
        bytes += found == items_.end() ? 0 : found->second.size;
      }
      if (ids.empty()) {
        looking_locally_ = false;
        return;
      }
    }
    std::vector<absl::StatusOr<Bytes>> found(ids.size(), absl::NotFoundError(""));
    parts_.blocks.Get(ids, found);
    {
      MutexLock lock(mutex_);
      for (size_t i = 0; i < ids.size(); ++i) {
        const auto item = items_.find(ids[i]);
        if (item == items_.end()) continue;
        if (found[i].ok()) {
          if (item->second.is_node && local_nodes_.size() < kMaxLocalNodes) {
            local_nodes_.push_back(ids[i]);
          }
          Deliver(ids[i], std::move(found[i]));
        } else if (local_only_) {
          Deliver(ids[i], absl::NotFoundError(
                              absl::StrCat("block ", ids[i].ToString(), " is not in this node")));
        } else {
          NeedFromNetwork(ids[i], item->second);
        }
      }
    }
    StartTasks();
  }
}

void FetchSession::NeedFromNetwork(const Multihash& id, Item& item) {
  item.in_network = true;
  for (const auto& [peer, holder] : holders_) {
    if (holder->state == Holder::State::kLeft) continue;
    if (holder->unanswered.insert(id).second) holder->to_ask.push_back(id);
    holder->work->Set();
  }
  SearchIfUnknown(id, item);
}

bool FetchSession::SomeoneMayHave(const Multihash& id, const Item& item) const {
  for (const auto& [peer, holder] : holders_) {
    // One that is still being reached does not count: it may never answer.
    if (holder->state != Holder::State::kServing) continue;
    if (holder->unanswered.contains(id) || item.IsAt(*holder)) return true;
  }
  return false;
}

void FetchSession::SearchIfUnknown(const Multihash& id, Item& item) {
  if (item.tags.empty() || SomeoneMayHave(id, item) || TryRestore(id, item)) return;
  if (item.search != Item::Search::kNone) return;
  for (size_t i = 0; i < kMaxSearches && !local_nodes_.empty(); ++i) {
    to_find_.push_back(std::move(local_nodes_.front()));
    local_nodes_.pop_front();
  }
  if (finding_holders_ > 0 || !to_find_.empty()) return;  // Watch asks again.
  item.search = Item::Search::kQueued;
  search_queue_.push_back(id);
}

void FetchSession::AddHolder(PeerInfo info) {
  auto& slot = holders_[info.id];
  if (slot == nullptr) {
    size_t live = 0;
    Holder* idle = nullptr;
    for (const auto& [peer, other] : holders_) {
      if (other == nullptr || other->state == Holder::State::kLeft) continue;
      ++live;
      if (other->assigned.empty() && other->unanswered.empty()) idle = other.get();
    }
    if (live >= kMaxHolders) {
      if (idle == nullptr) {
        holders_.erase(info.id);
        return;
      }
      // Its task sees that it has left and ends.
      idle->state = Holder::State::kLeft;
      idle->retry_at = parts_.runtime.Now();
      idle->work->Set();
    }
    slot = std::make_unique<Holder>(std::move(info));
    slot->work = parts_.runtime.NewEvent();
  } else if (slot->state == Holder::State::kLeft && !slot->has_task &&
             slot->retry_at < absl::InfiniteFuture()) {
    if (!info.addresses.empty()) slot->info.addresses = std::move(info.addresses);
    // It was not wanted meanwhile: that it was busy then says nothing of now.
    if (parts_.runtime.Now() > slot->retry_at + kLateRetry) {
      slot->no_room_since = absl::InfiniteFuture();
    }
  } else {
    return;
  }
  slot->state = Holder::State::kStarting;
  slot->has_task = true;
  slot->retry_at = absl::InfiniteFuture();
  for (const auto& [id, item] : items_) {
    if (item.in_network && slot->unanswered.insert(id).second) slot->to_ask.push_back(id);
  }
  to_start_.push_back(slot.get());
}

void FetchSession::Watch() {
  {
    MutexLock lock(mutex_);
    if (ended_) return;
    const Time now = parts_.runtime.Now();
    received_at_looks_.push_back(received_);
    if (received_at_looks_.size() > kLooks) received_at_looks_.pop_front();
    bool missing = false;
    for (auto& [id, item] : items_) {
      if (!item.in_network || !item.assigned.empty() || SomeoneMayHave(id, item)) continue;
      missing = true;
      if (item.tags.empty() || TryRestore(id, item)) continue;
      if (item.search == Item::Search::kNone) {
        SearchIfUnknown(id, item);
      } else if (item.search == Item::Search::kDone && item.searches < kMaxSearchesPerBlock &&
                 now >= item.searched_at + kSearchAgainAfter) {
        item.search = Item::Search::kQueued;
        search_queue_.push_back(id);
      }
    }
    for (const auto& [peer, holder] : holders_) {
      if (missing && holder->state == Holder::State::kLeft && now >= holder->retry_at) {
        AddHolder(holder->info);
      }
    }
    GiveVerdicts();
    WakeHolders();
  }
  StartTasks();
}

void FetchSession::GiveVerdicts() {
  const bool reaching = std::any_of(holders_.begin(), holders_.end(), [](const auto& entry) {
    const Holder& holder = *entry.second;
    return holder.state == Holder::State::kStarting ||
           (holder.state == Holder::State::kLeft && holder.retry_at < absl::InfiniteFuture());
  });
  std::vector<Multihash> hopeless;
  for (const auto& [id, item] : items_) {
    if (item.in_network && item.assigned.empty() && !item.restoring &&
        item.search == Item::Search::kDone && item.searches >= kMaxSearchesPerBlock && !reaching &&
        !SomeoneMayHave(id, item)) {
      hopeless.push_back(id);
    }
  }
  if (hopeless.empty() || MayLearnMore()) return;
  for (const Multihash& id : hopeless) Deliver(id, Verdict(id, items_.at(id)));
}

absl::Status FetchSession::Verdict(const Multihash& id, const Item& item) const {
  const std::string block = absl::StrCat("block ", id.ToString(), ": ");
  if (!item.restore_error.ok()) {
    return absl::UnavailableError(absl::StrCat(block, std::string(item.restore_error.message())));
  }
  std::vector<std::string> reasons;
  bool wrong = false;
  size_t without = 0;
  for (const auto& [peer, holder] : holders_) {
    wrong = wrong || holder->wrong;
    if (holder->state == Holder::State::kServing) {
      ++without;
    } else if (reasons.size() < 3) {
      reasons.push_back(
          absl::StrCat(peer.ToString(), ": ", std::string(holder->why_left.message())));
    }
  }
  if (holders_.empty() || (item.providers_found == 0 && reasons.empty())) {
    return absl::NotFoundError(absl::StrCat(
        block, "no holder is known",
        search_error_.ok() ? "" : absl::StrCat(" (", std::string(search_error_.message()), ")")));
  }
  std::string text =
      absl::StrCat(block, wrong ? "a holder sent wrong bytes, and " : "",
                   without > 0 ? absl::StrCat(without, " holders answer but ", "do not have it")
                               : "no holder can be reached");
  for (const std::string& reason : reasons) absl::StrAppend(&text, "; ", reason);
  return absl::UnavailableError(text);
}

void FetchSession::Deliver(const Multihash& id, absl::StatusOr<Bytes> data) {
  const auto found = items_.find(id);
  if (found == items_.end()) return;
  for (Holder* holder : std::vector<Holder*>(found->second.assigned)) Unassign(*holder, id);
  if (found->second.search == Item::Search::kRunning) {
    --searching_;
    ++lingering_;
  }
  const std::vector<uint64_t> tags = std::move(found->second.tags);
  for (const std::shared_ptr<Basket>& basket : found->second.baskets) {
    if (data.ok()) basket->insert_or_assign(id, *data);
  }
  progress_->Set();
  items_.erase(found);
  for (const uint64_t tag : tags) {
    if (data.ok()) arrived_bytes_ += data->size();
    results_.push_back({tag, data});
  }
  arrived_->Set();
}

void FetchSession::WakeHolders() {
  for (const auto& [peer, holder] : holders_) {
    if (holder->state != Holder::State::kLeft || ended_) holder->work->Set();
  }
}

}  // namespace l2p
