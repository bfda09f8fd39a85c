#include "iterative_lookup.h"

#include <algorithm>

namespace l2p::kademlia {
namespace {

// A wait for answers cannot be woken, so it is cut into pieces of this length to notice a stop.
constexpr Duration kStopCheck = absl::Milliseconds(200);

}  // namespace

IterativeLookup::IterativeLookup(Swarm& swarm, Question question, Time deadline)
    : swarm_(swarm),
      question_(std::move(question)),
      target_(swarm.PositionOf(AsBytes(question_.key))),
      window_(std::max(question_.enough, kMostCloser)),
      deadline_(deadline),
      calls_(swarm.messenger().NewCalls()) {}

Findings IterativeLookup::Run() {
  // More than are asked if all are well: they cost nothing.
  for (const PeerInfo& peer : swarm_.Beginning(target_, 3 * window_)) Add(peer, 0);
  for (;;) {
    if (swarm_.stopping() || (question_.cancelled != nullptr && *question_.cancelled)) {
      return Finish(absl::AbortedError("lookup: stopped"));
    }
    const Time now = swarm_.host().Now();
    NoteSlowness(now);
    SendMore(now);
    if (IsSettled()) return Finish(absl::OkStatus());
    if (now >= deadline_) return Finish(absl::DeadlineExceededError("lookup: out of time"));
    const std::optional<Calls::Answer> answer = calls_->Next(NextChange(now));
    if (answer && Take(*answer)) return Finish(absl::OkStatus());
  }
}

void IterativeLookup::Add(const PeerInfo& peer, size_t hops) {
  if (peer.id == swarm_.self()) return;
  const Position distance = Distance(target_, swarm_.PositionOf(peer.id.binary()));
  const auto [place, is_new] = candidates_.try_emplace(distance, Candidate{peer, hops, {}, {}, {}});
  if (!is_new || candidates_.size() <= kMostCandidates) return;
  const auto farthest = std::prev(candidates_.end());
  if (farthest->second.standing == Standing::kSeen) candidates_.erase(farthest);
}

void IterativeLookup::NoteSlowness(Time now) {
  for (const auto& [call, distance] : waiting_) {
    Candidate& candidate = candidates_.at(distance);
    if (candidate.standing == Standing::kAsked && now >= candidate.late) {
      candidate.standing = Standing::kLate;
    }
    if (candidate.standing == Standing::kLate && now >= candidate.given_up) {
      candidate.standing = Standing::kGivenUp;
    }
  }
}

void IterativeLookup::SendMore(Time now) {
  size_t counted = 0;
  for (const auto& [call, distance] : waiting_) {
    if (candidates_.at(distance).standing == Standing::kAsked) ++counted;
  }
  size_t near = 0;
  size_t rank = 0;
  for (auto& [distance, candidate] : candidates_) {
    ++rank;
    if (counted >= swarm_.options().alpha || near >= window_) return;
    if (candidate.standing == Standing::kFailed || candidate.standing == Standing::kGivenUp) {
      continue;
    }
    // Nor does one that is late keep another from being asked in its place.
    if (candidate.standing != Standing::kLate) ++near;
    if (candidate.standing != Standing::kSeen || asked_ >= kMostAsked) continue;
    Ask(candidate, distance, rank, now);
    ++counted;
  }
}

void IterativeLookup::Ask(Candidate& candidate, const Position& distance, size_t rank, Time now) {
  const bool of_itself = rank > kMostCloser && question_.type == MessageType::kFindNode;
  const std::string& key = of_itself ? candidate.peer.id.bytes() : question_.key;
  Bytes request =
      Bytes::Of(Encode({.type = question_.type, .key = key, .closer = {}, .providers = {}}));
  const Duration patience = swarm_.Patience(candidate.peer.id);
  candidate.standing = Standing::kAsked;
  candidate.late = now + patience;
  candidate.given_up = now + std::max(patience * kGiveUp, kLeastGiveUp);
  const Time deadline = std::min(deadline_, now + swarm_.options().request_timeout);
  const uint64_t call = calls_->Send(candidate.peer, swarm_.options().protocol, std::move(request),
                                     kMaxAnswer, deadline);
  waiting_[call] = distance;
  ++asked_;
}

Time IterativeLookup::NextChange(Time now) const {
  Time next = std::min(deadline_, now + kStopCheck);
  for (const auto& [call, distance] : waiting_) {
    const Candidate& candidate = candidates_.at(distance);
    if (candidate.standing == Standing::kAsked) next = std::min(next, candidate.late);
    if (candidate.standing == Standing::kLate) next = std::min(next, candidate.given_up);
  }
  return next;
}

bool IterativeLookup::Take(const Calls::Answer& answer) {
  const auto waiting = waiting_.find(answer.call);
  if (waiting == waiting_.end()) return false;
  Candidate& candidate = candidates_.at(waiting->second);
  waiting_.erase(waiting);
  absl::StatusOr<Message> message = absl::InternalError("no message");
  if (answer.result.ok()) message = Decode(answer.result->view());
  if (!message.ok() || message->type != question_.type) {
    candidate.standing = Standing::kFailed;
    // At the caller's own deadline nobody is to blame.
    if (swarm_.host().Now() < deadline_) swarm_.Failed(candidate.peer.id);
    return false;
  }
  candidate.standing = Standing::kAnswered;
  swarm_.Answered(candidate.peer, answer.took, answer.dialled);
  for (const PeerInfo& peer : message->closer) {
    if (!peer.addresses.empty()) Add(peer, candidate.hops + 1);
  }
  return question_.heard && question_.heard(*message);
}

bool IterativeLookup::IsSettled() const {
  size_t answered = 0;
  for (const auto& [distance, candidate] : candidates_) {
    if (answered >= question_.enough) break;
    if (candidate.standing == Standing::kAnswered) ++answered;
    const bool is_open = candidate.standing == Standing::kAsked ||
                         candidate.standing == Standing::kLate ||
                         (candidate.standing == Standing::kSeen && asked_ < kMostAsked);
    if (is_open) return false;
  }
  return true;
}

Findings IterativeLookup::Finish(absl::Status status) {
  for (const auto& [call, distance] : waiting_) {
    const Candidate& candidate = candidates_.at(distance);
    if (candidate.standing == Standing::kGivenUp) swarm_.Failed(candidate.peer.id);
  }
  Findings findings{.status = std::move(status), .answered = {}, .asked = asked_, .hops = 0};
  for (auto& [distance, candidate] : candidates_) {
    if (candidate.standing != Standing::kAnswered) continue;
    if (findings.answered.empty()) findings.hops = candidate.hops;
    findings.answered.push_back(std::move(candidate.peer));
  }
  swarm_.LookedUp(findings.hops);
  return findings;
}

}  // namespace l2p::kademlia
