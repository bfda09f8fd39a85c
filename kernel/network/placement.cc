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
constexpr size_t kRetriesAtOnce = 16;

}  // namespace

// The pushes of one put: a task a group, and below it a task a copy.
class Placement::PushOfOnePut final : public Push {
 public:
  PushOfOnePut(Placement& placement, const Redundancy& redundancy, Time until)
      : placement_(placement),
        parts_(placement.parts_),
        copies_(redundancy.holders),
        until_(until),
        first_peer_until_(parts_.runtime.Now() + placement.options_.first_peer),
        changed_(parts_.runtime.NewEvent()) {}

  ~PushOfOnePut() override { WaitUntilFewerThan(1); }

  absl::Status Add(Group group) override {
    WaitUntilFewerThan(kMaxGroupsAtOnce);
    {
      MutexLock lock(mutex_);
      ++running_;
      ++progress_.groups;
      progress_.wanted_bytes += group.bytes() * copies_;
    }
    const auto shared = std::make_shared<const Group>(std::move(group));
    absl::Status started =
        placement_.pushes_.Start("push a group", [this, shared] { PushOne(*shared); });
    if (!started.ok()) Ended({});
    return started;
  }

  absl::StatusOr<Outcome> Finish() override {
    WaitUntilFewerThan(1);
    MutexLock lock(mutex_);
    Outcome outcome;
    outcome.copies_wanted = copies_;
    outcome.fewest_copies = progress_.fewest_copies;
    outcome.holders = holders_.size();
    outcome.refusals = refusals_;
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

  void PushOne(const Group& group) {
    const std::vector<PeerInfo> candidates = FindCandidates(group.id);
    Spread spread{group, candidates, 0, {}};
    {
      TaskGroup copies(parts_.runtime.tasks(), parts_.runtime.NewEvent());
      for (size_t i = 0; i < std::min(copies_, candidates.size()); ++i) {
        copies.Start("push a copy", [this, &spread] { PushCopy(spread); }).IgnoreError();
      }
    }
    if (spread.holders.size() < copies_) {
      placement_.RetryLater({group.id, copies_, spread.holders, until_});
    }
    Ended(spread.holders);
  }

  // One group on its way to its holders: a refusal or a failure moves on to the next candidate.
  struct Spread {
    const Group& group;
    const std::vector<PeerInfo>& candidates;
    size_t next = 0;
    std::set<PeerId> holders;
  };

  void PushCopy(Spread& spread) {
    for (;;) {
      const PeerInfo* holder = nullptr;
      {
        MutexLock lock(mutex_);
        if (spread.next == spread.candidates.size()) return;
        holder = &spread.candidates[spread.next++];
      }
      uint64_t counted = 0;
      const auto on_stored = [&](uint64_t bytes) {
        MutexLock lock(mutex_);
        progress_.acknowledged_bytes += bytes - std::min(bytes, counted);
        counted = std::max(bytes, counted);
      };
      const absl::Status pushed =
          PushGroup(parts_.runtime, parts_.blocks.Reader(), parts_.messenger, *holder, spread.group,
                    {}, until_, on_stored);
      if (!pushed.ok()) placement_.NoteFailure(holder->id, pushed);
      MutexLock lock(mutex_);
      if (pushed.ok()) {
        spread.holders.insert(holder->id);
        holders_.insert(holder->id);
        progress_.peers = holders_.size();
        return;
      }
      progress_.acknowledged_bytes -= counted;
      RefusedLocked(absl::StrCat(holder->id.ToString(), ": ", std::string(pushed.message())));
    }
  }

  void Refused(std::string why) {
    MutexLock lock(mutex_);
    RefusedLocked(std::move(why));
  }

  void RefusedLocked(std::string why) L2P_REQUIRES(mutex_) {
    if (refusals_.size() < kMaxRefusals) refusals_.push_back(std::move(why));
  }

  // A group is done, on these holders. Touches nothing after it: the put may end.
  void Ended(const std::set<PeerId>& holders) {
    MutexLock lock(mutex_);
    const bool first = ended_++ == 0;
    progress_.fewest_copies =
        first ? holders.size() : std::min(progress_.fewest_copies, holders.size());
    if (holders.size() >= copies_) ++progress_.groups_complete;
    --running_;
    changed_->Set();
  }

  Placement& placement_;
  const Parts& parts_;
  const size_t copies_;
  const Time until_;
  const Time first_peer_until_;
  const std::unique_ptr<Event> changed_;
  mutable Mutex mutex_{"Push"};
  size_t running_ L2P_GUARDED_BY(mutex_) = 0;
  size_t ended_ L2P_GUARDED_BY(mutex_) = 0;
  Progress progress_ L2P_GUARDED_BY(mutex_);
  std::set<PeerId> holders_ L2P_GUARDED_BY(mutex_);
  std::vector<std::string> refusals_ L2P_GUARDED_BY(mutex_);
};

Placement::Placement(Parts parts, Options options)
    : parts_(parts),
      options_(options),
      receiver_({parts.runtime, parts.memory, parts.blocks, parts.holdings, parts.router,
                 parts.messenger}),
      pushes_(parts.runtime.tasks(), parts.runtime.NewEvent()) {}

Placement::~Placement() { Stop(); }

absl::Status Placement::Start() {
  retry_timer_ = parts_.runtime.tasks().Every("retry missing copies", options_.retry_period,
                                              [this] { RetryMissing(); });
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
  receiver_.Stop();
  pushes_.Join();
}

std::unique_ptr<Placement::Push> Placement::NewPush(const Redundancy& redundancy, Time until) {
  return std::make_unique<PushOfOnePut>(*this, redundancy, until);
}

absl::StatusOr<std::vector<PeerInfo>> Placement::Candidates(const Multihash& group, Time deadline) {
  L2P_ASSIGN_OR_RETURN(std::vector<PeerInfo> peers,
                       parts_.router.Get()->ClosestPeers(group, options_.candidates, deadline));
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
    // It may have been removed meanwhile.
    const absl::StatusOr<Group> group = parts_.holdings.FindGroup(retry.group);
    if (!group.ok()) continue;
    const absl::StatusOr<std::vector<PeerInfo>> candidates =
        Candidates(retry.group, parts_.runtime.Now() + kLookupLimit);
    if (candidates.ok()) {
      for (const PeerInfo& peer : *candidates) {
        if (retry.holders.size() >= retry.copies) break;
        if (retry.holders.contains(peer.id)) continue;
        const absl::Status pushed =
            PushGroup(parts_.runtime, parts_.blocks.Reader(), parts_.messenger, peer, *group, {},
                      retry.until, [](uint64_t) {});
        if (pushed.ok()) retry.holders.insert(peer.id);
      }
    }
    if (retry.holders.size() < retry.copies) {
      RetryLater(std::move(retry));
      return;  // The swarm is still too small: the next period tries on.
    }
  }
}

}  // namespace l2p
