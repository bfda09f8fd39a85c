#include "kernel/network/placement.h"

#include <algorithm>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "kernel/network/push_sender.h"

namespace l2p {
namespace {

constexpr Duration kLookupLimit = absl::Seconds(20);
constexpr Duration kFirstPeerPause = absl::Milliseconds(200);
constexpr Duration kBusyPause = absl::Seconds(1);
constexpr size_t kRetriesAtOnce = 16;
constexpr Duration kLongestRetryPause = absl::Hours(1);

}  // namespace

// The pushes of one put: a task a group, and below it a task a holder.
class Placement::PushOfOnePut final : public Push {
 public:
  PushOfOnePut(Placement& placement, const Redundancy& redundancy, Time until, bool keep_receipts)
      : placement_(placement),
        parts_(placement.parts_),
        until_(until),
        keep_receipts_(keep_receipts),
        first_peer_until_(parts_.runtime.Now() + placement.options_.first_peer),
        changed_(parts_.runtime.NewEvent()),
        redundancy_(redundancy) {}

  ~PushOfOnePut() override { WaitUntilFewerThan(1); }

  absl::Status Add(Group group) override {
    WaitUntilFewerThan(kMaxGroupsAtOnce);
    {
      MutexLock lock(mutex_);
      ++running_;
      ++progress_.groups;
    }
    const auto shared = std::make_shared<const Group>(std::move(group));
    absl::Status started =
        placement_.pushes_.Start("push a group", [this, shared] { PushOne(*shared); });
    if (!started.ok()) Ended(Redundancy::Copies(1), 0);
    return started;
  }

  absl::StatusOr<Outcome> Finish() override {
    WaitUntilFewerThan(1);
    MutexLock lock(mutex_);
    Outcome outcome;
    outcome.redundancy = redundancy_.Resolve(0);
    outcome.copies_wanted = outcome.redundancy.holders;
    outcome.fewest_copies = outcome.copies_wanted - std::min(outcome.copies_wanted, most_missing_);
    outcome.recoverable = recoverable_;
    outcome.holders = holders_.size();
    outcome.refusals = refusals_;
    outcome.receipts = receipts_;
    return outcome;
  }

  Progress progress() const override {
    MutexLock lock(mutex_);
    return progress_;
  }

 private:
  void WaitUntilFewerThan(size_t most) {
    Await(mutex_, *changed_, absl::InfiniteFuture(),
          [&]() L2P_REQUIRES(mutex_) { return running_ < most; });
  }

  // Waits for the first bootstrap, once in a put.
  std::vector<PeerInfo> FindCandidates(const Multihash& group) {
    for (;;) {
      const Time now = parts_.runtime.Now();
      absl::StatusOr<std::vector<PeerInfo>> found =
          placement_.Candidates(group, now + kLookupLimit);
      if (found.ok() && !found->empty()) return *std::move(found);
      if (!found.ok()) Refused(absl::StrCat("lookup: ", std::string(found.status().message())));
      if (now >= first_peer_until_ || placement_.stopping()) return {};
      parts_.runtime.NewEvent()->Wait(now + kFirstPeerPause);
    }
  }

  // auto means the same for all groups of a put. Where nobody can be found it stays open.
  Redundancy Settle(size_t usable) {
    MutexLock lock(mutex_);
    if (usable > 0) redundancy_ = redundancy_.Resolve(usable);
    return redundancy_.Resolve(usable);
  }

  void PushOne(const Group& group) {
    std::vector<PeerInfo> candidates = FindCandidates(group.id);
    const Redundancy settled = Settle(candidates.size());
    const Redundancy wanted = settled.ForGroup(group);
    absl::StatusOr<std::unique_ptr<PieceSource>> source = placement_.SourceOf(group, wanted);
    if (!source.ok()) {
      Refused(absl::StrCat("code: ", std::string(source.status().message())));
      return Ended(wanted, 0);
    }
    {
      MutexLock lock(mutex_);
      progress_.wanted_bytes += (*source)->bytes();
    }
    GroupPush push({parts_.runtime, placement_.turns_, parts_.messenger, parts_.crypto}, **source,
                   group.id, std::move(candidates), {}, Listener());
    placement_.RunPush(push, settled, until_);
    placement_.AskFarther(push, settled, until_);
    if (push.taken() < wanted.holders) {
      placement_.RetryLater({group.id, settled, push.holders(), until_});
    }
    if (keep_receipts_) {
      MutexLock lock(mutex_);
      receipts_.insert(receipts_.end(), push.receipts().begin(), push.receipts().end());
    }
    Ended(wanted, push.taken());
  }

  GroupPush::Listener Listener() {
    return {[this](int64_t change) {
              MutexLock lock(mutex_);
              progress_.acknowledged_bytes += static_cast<uint64_t>(change);
            },
            [this](const PeerId& holder) {
              MutexLock lock(mutex_);
              holders_.insert(holder);
              progress_.peers = holders_.size();
            },
            [this](const PeerId& holder, const absl::Status& why) {
              placement_.NoteFailure(holder, why);
              Refused(absl::StrCat(holder.ToString(), ": ", std::string(why.message())));
            }};
  }

  void Refused(std::string why) {
    MutexLock lock(mutex_);
    if (refusals_.size() < kMaxRefusals) refusals_.push_back(std::move(why));
  }

  // A group is done, on so many holders. Touches nothing after it: the put may end.
  void Ended(const Redundancy& wanted, size_t taken) {
    MutexLock lock(mutex_);
    const bool first = ended_++ == 0;
    progress_.fewest_copies = first ? taken : std::min(progress_.fewest_copies, taken);
    most_missing_ = std::max(most_missing_, wanted.holders - taken);
    recoverable_ = recoverable_ && taken >= wanted.needed;
    if (taken >= wanted.holders) ++progress_.groups_complete;
    --running_;
    changed_->Set();
  }

  Placement& placement_;
  const Parts& parts_;
  const Time until_;
  const bool keep_receipts_;
  const Time first_peer_until_;
  const std::unique_ptr<Event> changed_;
  mutable Mutex mutex_{"Push"};
  Redundancy redundancy_ L2P_GUARDED_BY(mutex_);
  size_t running_ L2P_GUARDED_BY(mutex_) = 0;
  size_t ended_ L2P_GUARDED_BY(mutex_) = 0;
  size_t most_missing_ L2P_GUARDED_BY(mutex_) = 0;
  bool recoverable_ L2P_GUARDED_BY(mutex_) = true;
  Progress progress_ L2P_GUARDED_BY(mutex_);
  std::set<PeerId> holders_ L2P_GUARDED_BY(mutex_);
  std::vector<std::string> refusals_ L2P_GUARDED_BY(mutex_);
  std::vector<std::string> receipts_ L2P_GUARDED_BY(mutex_);
};

Placement::Placement(Parts parts, Options options)
    : parts_(parts),
      options_(options),
      receiver_({parts.runtime, parts.memory, parts.blocks, parts.holdings, parts.router,
                 parts.messenger, parts.crypto, parts.identity}),
      turns_(parts.runtime),
      push_ended_(parts.runtime.NewEvent()),
      pushes_(parts.runtime.tasks(), parts.runtime.NewEvent()) {}

Placement::~Placement() { Stop(); }

absl::Status Placement::Start() {
  retry_timer_ = parts_.runtime.tasks().Every("retry missing copies", options_.retry_period,
                                              [this] { RetryMissing(); });
  L2P_ASSIGN_OR_RETURN(records_, ServeGroupRecords(parts_.messenger, parts_.holdings));
  return receiver_.Start();
}

void Placement::WaitForPushes(Time deadline) {
  {
    MutexLock lock(mutex_);
    stopped_ = true;
  }
  receiver_.WaitUntilIdle(deadline);
}

void Placement::Stop() {
  WaitForPushes(absl::InfinitePast());
  retry_timer_.reset();
  records_.reset();
  receiver_.Stop();
  pushes_.Join();
}

std::unique_ptr<Placement::Push> Placement::NewPush(const Redundancy& redundancy, Time until,
                                                    bool keep_receipts) {
  return std::make_unique<PushOfOnePut>(*this, redundancy, until, keep_receipts);
}

absl::StatusOr<std::unique_ptr<PieceSource>> Placement::SourceOf(const Group& group,
                                                                 const Redundancy& redundancy) {
  return PieceSource::Open({parts_.runtime, parts_.memory, parts_.blocks, parts_.crypto}, group,
                           redundancy);
}

absl::StatusOr<std::string> Placement::RecordOf(const GroupPush& push, const Redundancy& redundancy,
                                                std::vector<PeerId> holders, Time until) {
  GroupRecord record;
  record.group = push.group();
  record.spec = redundancy;
  record.sidecar = push.source().sidecar();
  record.holders = std::move(holders);
  record.issued = parts_.runtime.Now();
  record.until = until;
  return SignGroupRecord(std::move(record), parts_.identity);
}

// Fills the free places. The record names those who are asked first; where others had to take their
// places, all holders are told.
void Placement::RunPush(GroupPush& push, const Redundancy& redundancy, Time until) {
  const size_t tasks = push.holders().size();
  Await(mutex_, *push_ended_, absl::InfiniteFuture(), [&]() L2P_REQUIRES(mutex_) {
    if (push_tasks_ > 0 && push_tasks_ + tasks > kMaxPushTasks) return false;
    push_tasks_ += tasks;
    return true;
  });
  const std::vector<PeerId> planned = push.Plan();
  if (const auto record = RecordOf(push, redundancy, planned, until); record.ok()) {
    push.Run(*record, until);
  }
  if (push.holders() != planned && push.taken() > 0) {
    if (const auto record = RecordOf(push, redundancy, push.holders(), until); record.ok()) {
      push.Tell(*record, until);
    }
  }
  MutexLock lock(mutex_);
  push_tasks_ -= tasks;
  push_ended_->Set();
}

// In a swarm in which most nodes are full or forget, the closest that have room may be far away.
// When all were asked who can be found, some may only have been busy, and others too slow to be
// found.
void Placement::AskFarther(GroupPush& push, const Redundancy& redundancy, Time until) {
  const auto offer = [&](size_t most) {
    absl::StatusOr<std::vector<PeerInfo>> closest =
        Closest(push.group(), most, parts_.runtime.Now() + kLookupLimit);
    return closest.ok() && push.Offer(*std::move(closest));
  };
  size_t most = 2 * options_.candidates;
  for (size_t round = 1; push.taken() < push.holders().size() && !stopping(); ++round) {
    const bool is_last = round == kMostRounds || !offer(most);
    if (is_last) {
      if (!push.OfferRefused()) return;
      parts_.runtime.NewEvent()->Wait(parts_.runtime.Now() + kBusyPause);
      offer(most);
    }
    RunPush(push, redundancy, until);
    if (is_last) return;
    most *= 2;
  }
}

absl::StatusOr<std::vector<PeerInfo>> Placement::Candidates(const Multihash& group, Time deadline) {
  return Closest(group, options_.candidates, deadline);
}

absl::StatusOr<std::vector<PeerInfo>> Placement::Closest(const Multihash& group, size_t most,
                                                         Time deadline) {
  L2P_ASSIGN_OR_RETURN(std::vector<PeerInfo> peers,
                       parts_.router.Get()->ClosestPeers(group, most, deadline));
  std::map<std::pair<Sha256Digest, PeerId>, PeerInfo> ordered;
  for (PeerInfo& peer : peers) {
    const ByteView both[] = {group.binary(), peer.id.binary()};
    if (parts_.scores.Shuns(peer.id)) continue;
    std::pair<Sha256Digest, PeerId> place(parts_.crypto.Sha256(both), peer.id);
    ordered.emplace(std::move(place), std::move(peer));
  }
  peers.clear();
  for (auto& [place, peer] : ordered) peers.push_back(std::move(peer));
  return peers;
}

bool Placement::stopping() {
  MutexLock lock(mutex_);
  return stopped_;
}

void Placement::NoteFailure(const PeerId& holder, const absl::Status& why) {
  const bool refused = absl::IsResourceExhausted(why);
  parts_.scores.Note(holder, refused ? Conduct::kRefused : Conduct::kTimedOut);
}

size_t Placement::waiting() {
  MutexLock lock(mutex_);
  return retries_.size();
}

void Placement::RetryLater(Retry retry) {
  MutexLock lock(mutex_);
  if (!stopped_ && retries_.size() < kMaxRetries) retries_.push_back(std::move(retry));
}

void Placement::RetryMissing() {
  for (size_t i = 0; i < kRetriesAtOnce; ++i) {
    Retry retry;
    {
      MutexLock lock(mutex_);
      if (stopped_ || retries_.empty()) return;
      retry = std::move(retries_.front());
      retries_.pop_front();
    }
    if (parts_.runtime.Now() < retry.not_before) {
      RetryLater(std::move(retry));
    } else if (!RetryOne(retry)) {
      RetryLater(std::move(retry));
      return;  // The swarm is still too small: the next period tries on.
    }
  }
}

// Whether nothing more is to be done.
bool Placement::RetryOne(Retry& retry) {
  const absl::StatusOr<Group> group = parts_.holdings.FindGroup(retry.group);
  if (!group.ok()) return true;  // It has been removed meanwhile.
  absl::StatusOr<std::vector<PeerInfo>> candidates =
      Candidates(retry.group, parts_.runtime.Now() + kLookupLimit);
  if (!candidates.ok()) return false;
  std::erase_if(*candidates, [&](const PeerInfo& peer) {
    return std::find(retry.holders.begin(), retry.holders.end(), peer.id) != retry.holders.end();
  });
  if (candidates->empty()) return false;
  const Redundancy wanted = retry.redundancy.ForGroup(*group);
  if (wanted.coded()) {  // Coding a group anew and in vain is not for every half minute.
    retry.pause = std::clamp(2 * retry.pause, options_.retry_period, kLongestRetryPause);
    retry.not_before = parts_.runtime.Now() + retry.pause;
  }
  const absl::StatusOr<std::unique_ptr<PieceSource>> source = SourceOf(*group, wanted);
  if (!source.ok()) return false;
  GroupPush push({parts_.runtime, turns_, parts_.messenger, parts_.crypto}, **source, retry.group,
                 *std::move(candidates), retry.holders,
                 {[](int64_t) {}, [](const PeerId&) {}, [](const PeerId&, const absl::Status&) {}});
  RunPush(push, retry.redundancy, retry.until);
  retry.holders = push.holders();
  return push.taken() >= wanted.holders;
}

}  // namespace l2p
