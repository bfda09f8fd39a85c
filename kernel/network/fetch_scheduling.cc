// How a FetchSession spreads blocks over its holders.
#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "kernel/network/block_server.h"
#include "kernel/network/fetch_session.h"
#include "kernel/network/stream_io.h"

namespace l2p {
namespace {

constexpr Duration kOpenLimit = absl::Seconds(5);
constexpr Duration kOpenGlance = absl::Milliseconds(250);
constexpr Duration kRetryAfter = absl::Seconds(1);
constexpr Duration kFirstMoment = absl::Milliseconds(250);
constexpr size_t kLeastFirstShare = 4 << 20;
constexpr Duration kOverdue = absl::Seconds(2);
constexpr Duration kRateSpan = absl::Seconds(2);
constexpr Duration kMeasuredAfter = absl::Seconds(1);
constexpr Duration kSilence = absl::Seconds(1);  // On top of 3 round trips.
constexpr Duration kUnmeasuredRoundTrip = absl::Milliseconds(500);
constexpr uint64_t kJudgedBytes = 16 << 10;
constexpr double kSlowShare = 1.0 / 8;
constexpr double kCrawlShare = 1.0 / 4;
constexpr size_t kMaxWantsPerRequest = 256;
constexpr size_t kMaxPresenceQuestions = 1024;

}  // namespace

absl::StatusOr<std::shared_ptr<Stream>> FetchSession::Enter(Holder& holder) {
  PeerInfo info;
  {
    MutexLock lock(mutex_);
    ++holder.attempts;
    info = holder.info;
  }
  L2P_ASSIGN_OR_RETURN(std::shared_ptr<Stream> stream, OpenStream(holder, info));
  MutexLock lock(mutex_);
  L2P_RETURN_IF_ERROR(StillWanted(holder));
  holder.state = Holder::State::kServing;
  first_served_at_ = std::min(first_served_at_, parts_.runtime.Now());
  WakeHolders();  // They may have been leaving room for this one.
  streams_[holder.info.id] = stream;
  return stream;
}

// Waits in pieces: a frozen holder must not keep a task of a reader that has long had all from
// others, or many short reads would use up node.tasks. The dial itself goes on between them.
absl::StatusOr<std::shared_ptr<Stream>> FetchSession::OpenStream(const Holder& holder,
                                                                 const PeerInfo& to) {
  const Time deadline = parts_.runtime.Now() + kOpenLimit;
  for (;;) {
    {
      MutexLock lock(mutex_);
      L2P_RETURN_IF_ERROR(StillWanted(holder));
    }
    const Time now = parts_.runtime.Now();
    absl::StatusOr<std::unique_ptr<Stream>> stream =
        parts_.messenger.Open(to, kBlocksProtocol, std::min(now + kOpenGlance, deadline));
    if (!absl::IsDeadlineExceeded(stream.status()) || parts_.runtime.Now() >= deadline) {
      return stream;
    }
  }
}

absl::Status FetchSession::StillWanted(const Holder& holder) const {
  if (ended_) return absl::AbortedError("the reader has ended");
  if (holder.state == Holder::State::kLeft) return absl::AbortedError("another took its place");
  return absl::OkStatus();
}

bool FetchSession::TakeWork(Holder& holder, std::vector<Multihash>& have,
                            std::vector<Multihash>& want) {
  MutexLock lock(mutex_);
  if (ended_ || holder.state != Holder::State::kServing) return false;
  while (!holder.to_ask.empty() && have.size() < kMaxPresenceQuestions) {
    const Multihash id = std::move(holder.to_ask.front());
    holder.to_ask.pop_front();
    if (items_.contains(id)) {
      have.push_back(id);
    } else {
      holder.unanswered.erase(id);
    }
  }
  Assign(holder, want);
  return true;
}

void FetchSession::Assign(Holder& holder, std::vector<Multihash>& want) {
  const size_t target = Target(holder);
  const size_t share = FirstShare(holder);
  const auto room = [&]() L2P_REQUIRES(mutex_) {
    if (want.size() >= kMaxWantsPerRequest) return false;
    if (holder.bytes + holder.outstanding >= share) return false;
    // One block at least, or nothing would ever move.
    if (outstanding_ + arrived_bytes_ == 0) return true;
    return holder.outstanding < target && outstanding_ < LongestLine() &&
           outstanding_ + arrived_bytes_ < options_.window_bytes;
  };
  while (room() && !holder.available.empty()) {
    const Multihash id = std::move(holder.available.front());
    holder.available.pop_front();
    const auto found = items_.find(id);
    if (found == items_.end() || !found->second.assigned.empty()) continue;
    AssignOne(holder, id, found->second);
    want.push_back(id);
  }
  while (room() && holder.available.empty()) {
    const std::optional<Multihash> id = TakeOver(holder);
    if (!id) return;
    AssignOne(holder, *id, items_.at(*id));
    want.push_back(*id);
  }
}

void FetchSession::AssignOne(Holder& holder, const Multihash& id, Item& item) {
  if (holder.assigned.empty()) {
    holder.busy_since = holder.counted_since = parts_.runtime.Now();
    holder.busy_from = received_ + outstanding_;
  }
  item.assigned.push_back(&holder);
  holder.assigned.push_back(id);
  holder.outstanding += item.size;
  outstanding_ += item.size;
}

void FetchSession::Unassign(Holder& holder, const Multihash& id) {
  const auto item = items_.find(id);
  const auto place = std::find(holder.assigned.begin(), holder.assigned.end(), id);
  if (item == items_.end() || place == holder.assigned.end()) return;
  holder.assigned.erase(place);
  holder.outstanding -= item->second.size;
  outstanding_ -= item->second.size;
  std::erase(item->second.assigned, &holder);
  if (holder.assigned.empty()) {
    holder.lately.busy += parts_.runtime.Now() - holder.counted_since;
    holder.busy_since = holder.counted_since = absl::InfiniteFuture();
  }
}

// Before any block has come: one that another holder has had for too long.
std::optional<Multihash> FetchSession::FirstOverdue(const Holder& holder) const {
  if (last_arrival_ > absl::InfinitePast()) return std::nullopt;
  for (const auto& [peer, other] : holders_) {
    if (other.get() == &holder || other->assigned.empty()) continue;
    if (parts_.runtime.Now() - other->busy_since < kOverdue) continue;
    const Item& item = items_.at(other->assigned.front());
    if (item.assigned.size() == 1 && item.IsAt(holder)) return other->assigned.front();
  }
  return std::nullopt;
}

// A block of the holder that will take longest, if we would have it much sooner: of one that crawls
// the oldest, which holds up the reader; else the newest, which it comes to last.
std::optional<Multihash> FetchSession::TakeOver(const Holder& holder) const {
  const double own_rate = Rate(holder);
  if (own_rate <= 0) return FirstOverdue(holder);
  const Holder* slowest = nullptr;
  double longest = 0;
  for (const auto& [peer, other] : holders_) {
    if (other.get() == &holder || other->assigned.empty()) continue;
    const double rate = Rate(*other);
    const double left = static_cast<double>(other->outstanding) / std::max(rate, 1.0);
    if (left > longest) {
      longest = left;
      slowest = other.get();
    }
  }
  if (slowest == nullptr) return std::nullopt;
  const double rate = std::max(Rate(*slowest), 1.0);
  const bool crawls = rate < own_rate * kCrawlShare;
  const size_t count = slowest->assigned.size();
  size_t until = crawls ? 0 : slowest->outstanding;  // Bytes that come from it with the block.
  for (size_t i = 0; i < count; ++i) {
    const Multihash& id = slowest->assigned[crawls ? i : count - 1 - i];
    const Item& item = items_.at(id);
    if (crawls) until += item.size;
    const double theirs = static_cast<double>(until) / rate;
    const double ours = static_cast<double>(holder.outstanding + item.size) / own_rate;
    if (!crawls) until -= item.size;
    if (theirs >= 2 * ours + 0.3 && item.assigned.size() == 1 && item.IsAt(holder)) return id;
  }
  return std::nullopt;
}

// As much again as came in the last seconds: more would only make all of it come later, and look as
// if its holders were silent.
size_t FetchSession::LongestLine() const {
  const uint64_t before = received_at_looks_.empty() ? 0 : received_at_looks_.front();
  return kLeastLine + static_cast<size_t>(received_ - before);
}

// What one holder may take while others are still being reached: for a moment an eighth of all, so
// that a large file that comes fast is spread over its holders, and not read from the nearest
// alone.
size_t FetchSession::FirstShare(const Holder& holder) const {
  const bool others_come = std::any_of(holders_.begin(), holders_.end(), [&](const auto& entry) {
    return entry.second.get() != &holder && entry.second->state == Holder::State::kStarting;
  });
  if (!others_come || parts_.runtime.Now() > first_served_at_ + kFirstMoment) {
    return std::numeric_limits<size_t>::max();
  }
  size_t wanted = 0;
  for (const auto& [id, item] : items_) wanted += item.size;
  return std::max(kLeastFirstShare, wanted / 8);
}

// Twice what arrives in a round trip and a quarter of a second, but no more than an equal part of
// the window: who answers first must leave room for those who answer next. Little of the first one.
size_t FetchSession::Target(const Holder& holder) const {
  if (holder.blocks == 0) return kFirstTarget;
  const auto serving =
      static_cast<size_t>(std::count_if(holders_.begin(), holders_.end(), [](const auto& entry) {
        return entry.second->state == Holder::State::kServing;
      }));
  const size_t most = std::max(kLeastTarget, options_.window_bytes / std::max<size_t>(serving, 1));
  const double seconds = 2 * absl::ToDoubleSeconds(holder.round_trip) + 0.25;
  const auto wanted = static_cast<size_t>(Rate(holder) * seconds);
  return std::clamp(wanted, kLeastTarget, most);
}

void FetchSession::Count(Holder& holder, size_t read) {
  received_ += read;
  if (holder.assigned.empty()) return;
  const Time now = parts_.runtime.Now();
  holder.lately.bytes += read;
  holder.lately.busy += now - std::exchange(holder.counted_since, now);
  if (holder.lately.busy > kRateSpan) holder.before = std::exchange(holder.lately, {});
}

// Bytes a second, lately, while something was outstanding; 0 until measured.
double FetchSession::Rate(const Holder& holder) const {
  Duration busy = holder.before.busy + holder.lately.busy;
  if (!holder.assigned.empty()) busy += parts_.runtime.Now() - holder.counted_since;
  const double seconds = absl::ToDoubleSeconds(busy);
  const auto bytes = static_cast<double>(holder.before.bytes + holder.lately.bytes);
  return seconds < 0.001 ? 0 : bytes / seconds;
}

bool FetchSession::TooSlow(const Holder& holder) const {
  if (parts_.runtime.Now() - holder.busy_since < kMeasuredAfter) return false;
  if (holder.was_slow || received_ < holder.busy_from) return false;
  // Who has sent next to nothing yet is silent, not slow.
  if (holder.before.bytes + holder.lately.bytes < kJudgedBytes) return false;
  std::vector<double> others;
  for (const auto& [peer, other] : holders_) {
    if (other.get() == &holder || other->state != Holder::State::kServing) continue;
    if (const double rate = Rate(*other); rate > 0) others.push_back(rate);
  }
  if (others.size() < 2) return false;
  const auto middle = others.begin() + static_cast<ptrdiff_t>(others.size() / 2);
  std::nth_element(others.begin(), middle, others.end());
  return Rate(holder) < *middle * kSlowShare;
}

bool FetchSession::Usable(Holder& holder, Time last_progress, size_t read) {
  const std::optional<Duration> measured = parts_.peers.rtt_p90(holder.info.id);
  MutexLock lock(mutex_);
  Count(holder, read);
  if (ended_ || holder.state != Holder::State::kServing) return false;
  const Time now = parts_.runtime.Now();
  if (now - last_progress > options_.patience) return false;
  const bool others = std::any_of(holders_.begin(), holders_.end(), [&](const auto& entry) {
    return entry.second.get() != &holder && entry.second->state == Holder::State::kServing;
  });
  if (!others) return true;  // Better late than never.
  if (last_progress > holder.last_progress) {
    holder.last_progress = holder.silent_since = last_progress;
    holder.silent_from = received_ + (outstanding_ - holder.outstanding);
  }
  // Through this node's link come first what was asked of the others before; while that comes, this
  // holder may be as quick as any.
  if (received_ < holder.silent_from && received_ > holder.received_then) {
    holder.silent_since = now;
  }
  holder.received_then = received_;
  const Duration round_trip = measured.value_or(std::max(
      holder.round_trip, holder.blocks == 0 ? kUnmeasuredRoundTrip : absl::ZeroDuration()));
  if (now - holder.silent_since > 3 * round_trip + kSilence) return false;
  if (!TooSlow(holder)) return true;
  holder.was_slow = true;
  return false;
}

void FetchSession::NoteBitmap(Holder& holder, const std::vector<Multihash>& asked,
                              const std::string& bitmap, Duration took) {
  {
    MutexLock lock(mutex_);
    holder.round_trip = std::max(holder.round_trip, took);
    for (size_t i = 0; i < asked.size(); ++i) {
      holder.unanswered.erase(asked[i]);
      const auto found = items_.find(asked[i]);
      if (found == items_.end()) continue;
      Item& item = found->second;
      if (!TestBit(bitmap, i)) {
        SearchIfUnknown(asked[i], item);
        continue;
      }
      if (!item.IsAt(holder)) item.holders.push_back(&holder);
      if (item.probe) continue;
      // What a restore waits for goes before the rest of the file.
      auto& available = holder.available;
      available.insert(item.baskets.empty() ? available.end() : available.begin(), asked[i]);
    }
  }
  StartTasks();
}

void FetchSession::NoteBlock(Holder& holder, const Multihash& id, absl::StatusOr<Bytes> data) {
  if (data.ok()) parts_.peers.scores.Note(holder.info.id, Conduct::kServed, data->size());
  {
    MutexLock lock(mutex_);
    if (data.ok()) {
      holder.bytes += data->size();
      ++holder.blocks;
      holder.attempts = 1;
      holder.no_room_since = absl::InfiniteFuture();
      last_arrival_ = parts_.runtime.Now();
    }
    const auto found = items_.find(id);
    if (found == items_.end()) return;
    Unassign(holder, id);
    if (data.ok()) {
      Deliver(id, std::move(data));
    } else {
      std::erase(found->second.holders, &holder);
      for (Holder* other : found->second.holders) {
        other->available.push_front(id);
        other->work->Set();
      }
      SearchIfUnknown(id, found->second);
    }
  }
  StartTasks();
}

void FetchSession::Leave(Holder& holder, absl::Status why, bool wrong) {
  if (wrong) {
    parts_.peers.scores.Note(holder.info.id, Conduct::kWrongBytes);
  } else if (!why.ok() && !absl::IsResourceExhausted(why) && !ended()) {
    parts_.peers.scores.Note(holder.info.id, Conduct::kTimedOut);
  }
  {
    MutexLock lock(mutex_);
    streams_.erase(holder.info.id);
    holder.has_task = false;
    const bool was_asked_to = holder.state == Holder::State::kLeft;
    const Time now = parts_.runtime.Now();
    // Who has nothing more to do has not failed, nor has who is busy, or found no task here: unless
    // it has been so for as long as this reader has patience.
    const bool busy = absl::IsResourceExhausted(why);
    if (busy) holder.no_room_since = std::min(holder.no_room_since, now);
    if (why.ok()) holder.no_room_since = absl::InfiniteFuture();
    const bool too_long = busy && now >= holder.no_room_since + options_.patience;
    if (why.ok() || (busy && !too_long)) holder.attempts = 0;
    // As long as anything comes, who has only been silent may have been so for its sake.
    const bool may_come_yet = holder.state == Holder::State::kServing &&
                              absl::IsDeadlineExceeded(why) &&
                              now < last_arrival_ + options_.patience;
    holder.state = Holder::State::kLeft;
    holder.why_left = std::move(why);
    holder.wrong = wrong;
    if (wrong) ++holder.bad;
    const bool again = !wrong && !too_long && (holder.attempts < kMaxAttempts || may_come_yet);
    if (!was_asked_to) {
      holder.retry_at =
          again ? now + kRetryAfter * std::max(holder.attempts, 1) : absl::InfiniteFuture();
    }
    const std::deque<Multihash> assigned = holder.assigned;
    for (const Multihash& id : assigned) Unassign(holder, id);
    // A new conversation asks anew.
    for (auto& [id, item] : items_) {
      std::erase(item.holders, &holder);
      if (!item.in_network || !item.assigned.empty() || item.probe) continue;
      for (Holder* other : item.holders) other->available.push_front(id);
      SearchIfUnknown(id, item);
    }
    holder.available.clear();
    holder.to_ask.clear();
    holder.unanswered.clear();
    WakeHolders();
  }
  StartTasks();
}

}  // namespace l2p
