#include "iterative_lookup.h"

#include <algorithm>

#include "address_scope.h"

namespace l2p::kademlia {
namespace {

// A wait for answers cannot be woken, so it is cut into pieces of this length to notice a stop.
constexpr Duration kStopCheck = absl::Milliseconds(200);

// A key for an aim is found by trying, twice as long for each bit: deep enough to order the few
// dozens of peers on that side of the tree, and no deeper than some milliseconds allow.
constexpr size_t kSpareBits = 4;
constexpr size_t kMostAimBits = 16;

size_t DividedUp(size_t all, size_t parts) { return (all + parts - 1) / parts; }

}  // namespace

IterativeLookup::IterativeLookup(Swarm& swarm, Question question, Time deadline)
    : swarm_(swarm),
      question_(std::move(question)),
      target_(swarm.PositionOf(AsBytes(question_.key))),
      enough_(DividedUp(question_.enough, question_.paths)),
      window_(std::max(enough_, DividedUp(kMostCloser, question_.paths))),
      deadline_(deadline),
      calls_(swarm.messenger().NewCalls()),
      ended_(question_.paths, false) {}

Findings IterativeLookup::Run() {
  // More than are asked if all are well: they cost nothing.
  size_t turn = 0;
  for (ContactPtr& contact : swarm_.Beginning(target_, 3 * window_ * question_.paths)) {
    Add(std::move(contact), turn++ % question_.paths, 0);
  }
  for (;;) {
    if (swarm_.stopping() || (question_.cancelled != nullptr && *question_.cancelled)) {
      return Finish(absl::AbortedError("lookup: stopped"));
    }
    const Time now = swarm_.host().Now();
    NoteSlowness(now);
    SendMore(now);
    if (IsSettled() && !AskAgain(now)) return Finish(absl::OkStatus());
    if (now >= deadline_) return Finish(absl::DeadlineExceededError("lookup: out of time"));
    if (const std::optional<Calls::Answer> answer = calls_->Next(NextChange(now))) Take(*answer);
  }
}

// A peer belongs to the path that named it first, so the paths share none.
void IterativeLookup::Add(ContactPtr contact, size_t path, size_t hops) {
  if (contact->peer.id == swarm_.self()) return;
  const auto [place, is_new] = candidates_.try_emplace(Distance(target_, contact->position));
  if (!is_new) return;
  if (known_.size() < kMostCandidates) known_.insert(contact->peer.id.bytes());
  place->second.contact = std::move(contact);
  place->second.path = path;
  place->second.hops = hops;
  if (candidates_.size() <= kMostCandidates) return;
  const auto farthest = std::prev(candidates_.end());
  if (farthest->second.standing == Standing::kSeen) candidates_.erase(farthest);
}

bool IterativeLookup::IsKnown(ByteView id) const { return known_.contains(av(AsText(id))); }

bool IterativeLookup::AllHave(const PathCounts& counts, size_t wanted) const {
  for (size_t path = 0; path < counts.size(); ++path) {
    if (!ended_[path] && counts[path] < wanted) return false;
  }
  return true;
}

Position IterativeLookup::NearestAnswered() const {
  for (const auto& [distance, candidate] : candidates_) {
    if (candidate.has_answered) return distance;
  }
  return kFarthest;
}

void IterativeLookup::NoteSlowness(Time now) {
  const UsualTimes usual = swarm_.Usual();
  const Position nearest = NearestAnswered();
  for (const auto& [call, place] : waiting_) {
    Candidate& candidate = place->second;
    const Duration took = now - candidate.asked;
    const auto [late, given_up, hopeless] = candidate.patience.With(usual);
    if (candidate.standing == Standing::kAsked && took >= late)
      candidate.standing = Standing::kLate;
    if (candidate.standing == Standing::kLate &&
        took >= (place->first < nearest ? hopeless : given_up)) {
      candidate.standing = candidate.has_answered ? Standing::kAnswered : Standing::kGivenUp;
    }
  }
}

void IterativeLookup::SendMore(Time now) {
  const size_t at_once = question_.alpha > 0 ? question_.alpha : swarm_.options().alpha;
  const size_t alpha = DividedUp(at_once, question_.paths);
  PathCounts counted(question_.paths, 0), near(question_.paths, 0);
  for (const auto& [call, place] : waiting_) {
    if (place->second.standing == Standing::kAsked) ++counted[place->second.path];
  }
  size_t rank = 0;
  for (auto place = candidates_.begin(); place != candidates_.end(); ++place) {
    const bool is_past_all = place->first >= question_.reach && AllHave(near, window_);
    if (is_past_all || AllHave(counted, alpha)) break;
    Candidate& candidate = place->second;
    const bool is_lost =
        candidate.standing == Standing::kFailed || candidate.standing == Standing::kGivenUp;
    if (is_lost) continue;
    ++rank;
    const size_t path = candidate.path;
    const bool is_far = near[path] >= window_ && place->first >= question_.reach;
    if (is_far || ended_[path] || counted[path] >= alpha) continue;
    // Nor does one that is late keep another from being asked in its place.
    if (candidate.standing != Standing::kLate) ++near[path];
    if (candidate.standing != Standing::kSeen || asked_ >= kMostAsked) continue;
    const bool is_hidden = rank > kMostCloser && question_.type == MessageType::kFindNode;
    Ask(place, is_hidden ? AimFor(place->first).key : question_.key, now);
    ++counted[path];
  }
}

void IterativeLookup::Ask(Candidates::iterator place, const std::string& key, Time now) {
  Candidate& candidate = place->second;
  Bytes request =
      Bytes::Of(Encode({.type = question_.type, .key = key, .closer = {}, .providers = {}}));
  candidate.standing = Standing::kAsked;
  candidate.asked = now;
  ++candidate.times_asked;
  candidate.patience = swarm_.PatienceWith(candidate.contact->peer.id);
  const Time deadline = std::min(deadline_, now + swarm_.options().request_timeout);
  const uint64_t call = calls_->Send(candidate.contact->peer, swarm_.options().protocol,
                                     std::move(request), kMaxAnswer, deadline);
  waiting_.emplace(call, place);
  ++asked_;
}

// Whether as many are nearer to `aim` as anybody names.
bool IterativeLookup::IsHiddenFrom(const Position& aim, const Position& distance) const {
  const Position own = Distance(aim, distance);
  size_t nearer = 0;
  return std::any_of(candidates_.begin(), candidates_.end(), [&](const auto& candidate) {
    nearer += Distance(aim, candidate.first) < own ? 1 : 0;
    return nearer >= kMostCloser;
  });
}

// Of 20 peers that somebody names, all may be on the target's side of the tree although some on the
// other side are wanted, too. Whoever lives there knows its neighbours: it is asked for the point
// nearest to the target on its own side, and if 20 are known between that point and it, for the
// nearest on its side of these, and so on.
IterativeLookup::Aim& IterativeLookup::AimFor(const Position& distance) {
  Position aim{};
  size_t depth = 0;
  for (;;) {
    if (!IsHiddenFrom(aim, distance)) break;
    const size_t bit = CommonPrefix(aim, distance);
    if (bit >= kMostAimBits) break;
    aim.FlipBit(bit);
    depth = bit + 1;
  }
  for (Aim& known : aims_) {
    if (known.distance != aim) continue;
    ++known.asked;
    return known;
  }
  if (depth == 0) return aims_.emplace_back(Aim{aim, question_.key, kWitnesses});
  const size_t bits = std::min(depth + kSpareBits, kMostAimBits);
  return aims_.emplace_back(Aim{aim, swarm_.KeyNear(Distance(target_, aim), bits), 1});
}

// Who was asked for the key itself while little was known may be the only one known on its side.
bool IterativeLookup::AskAgain(Time now) {
  if (question_.type != MessageType::kFindNode) return false;
  size_t rank = 0;
  for (auto place = candidates_.begin(); place != candidates_.end(); ++place) {
    Candidate& candidate = place->second;
    if (candidate.standing != Standing::kAnswered) continue;
    const bool is_far = rank >= question_.enough && place->first >= question_.reach;
    if (is_far || asked_ >= kMostAsked) break;
    if (++rank <= kMostCloser || candidate.times_asked > 1) continue;
    if (const Aim& aim = AimFor(place->first); aim.asked <= kWitnesses) Ask(place, aim.key, now);
  }
  return !waiting_.empty() && !IsSettled();
}

Time IterativeLookup::NextChange(Time now) const {
  Time next = std::min(deadline_, now + kStopCheck);
  const UsualTimes usual = swarm_.Usual();
  const Position nearest = NearestAnswered();
  for (const auto& [call, place] : waiting_) {
    const Candidate& candidate = place->second;
    const auto [late, given_up, hopeless] = candidate.patience.With(usual);
    if (candidate.standing == Standing::kAsked) next = std::min(next, candidate.asked + late);
    if (candidate.standing != Standing::kLate) continue;
    next = std::min(next, candidate.asked + (place->first < nearest ? hopeless : given_up));
  }
  return next;
}

void IterativeLookup::Take(const Calls::Answer& answer) {
  const auto waiting = waiting_.find(answer.call);
  if (waiting == waiting_.end()) return;
  Candidate& candidate = waiting->second->second;
  const PeerInfo& peer = candidate.contact->peer;
  waiting_.erase(waiting);
  absl::StatusOr<Message> message = absl::InternalError("no message");
  // Most of those named have been named before.
  if (answer.result.ok()) {
    message = Decode(answer.result->view(), [this](ByteView id) { return !IsKnown(id); });
  }
  if (!message.ok() || message->type != question_.type) {
    candidate.standing = candidate.has_answered ? Standing::kAnswered : Standing::kFailed;
    // At the caller's own deadline nobody is to blame.
    if (swarm_.host().Now() < deadline_) swarm_.Failed(peer.id);
    return;
  }
  candidate.standing = Standing::kAnswered;
  candidate.has_answered = true;
  swarm_.Answered(peer, answer.took, answer.dialled);
  KeepCredible(peer, message->closer);
  KeepCredible(peer, message->providers);
  if (question_.heard && question_.heard(*message)) ended_[candidate.path] = true;
  for (PeerInfo& closer : message->closer) {
    if (closer.addresses.empty()) continue;
    Add(swarm_.ContactOf(std::move(closer)), candidate.path, candidate.hops + 1);
  }
}

bool IterativeLookup::IsSettled() const {
  PathCounts answered(question_.paths, 0);
  for (const auto& [distance, candidate] : candidates_) {
    if (distance >= question_.reach && AllHave(answered, enough_)) break;
    const size_t path = candidate.path;
    const bool is_far = answered[path] >= enough_ && distance >= question_.reach;
    if (is_far || ended_[path]) continue;
    if (candidate.standing == Standing::kAnswered) ++answered[path];
    const bool is_open = candidate.standing == Standing::kAsked ||
                         candidate.standing == Standing::kLate ||
                         (candidate.standing == Standing::kSeen && asked_ < kMostAsked);
    if (is_open) return false;
  }
  return true;
}

Findings IterativeLookup::Finish(absl::Status status) {
  for (const auto& [call, place] : waiting_) {
    if (place->second.standing == Standing::kGivenUp) swarm_.Doubt(place->second.contact->peer.id);
  }
  Findings findings{
      .status = std::move(status), .answered = {}, .nearest = {}, .asked = asked_, .hops = 0};
  for (auto& [distance, candidate] : candidates_) {
    if (candidate.standing == Standing::kFailed) continue;
    if (findings.nearest.size() < kMostCloser) findings.nearest.push_back(distance);
    if (candidate.standing != Standing::kAnswered) continue;
    if (findings.answered.empty()) findings.hops = candidate.hops;
    findings.answered.push_back(std::move(candidate.contact));
  }
  swarm_.Finished(findings);
  return findings;
}

}  // namespace l2p::kademlia
