#include "repairer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "rebuild.h"

namespace l2p::keeper {
namespace {

constexpr size_t kMendAtOnce = 256;
constexpr Duration kMendLimit = absl::Minutes(2);
// Who has waited for so many takeovers may go on against a minority: one liar shall not stop it.
constexpr int kPatience = 3;

}  // namespace

Repairer::Repairer(const Keeping& keeping)
    : keeping_(keeping),
      pace_(keeping),
      repairs_(keeping.host.metrics().Counter("repairs_total", "Groups this node repaired.")),
      fetched_bytes_(keeping.host.metrics().Counter("repair_fetched_bytes_total",
                                                    "Bytes fetched to repair groups.")),
      pushed_bytes_(keeping.host.metrics().Counter("repair_pushed_bytes_total",
                                                   "Bytes pushed to repair groups.")),
      mended_(keeping.host.metrics().Counter("mended_blocks_total",
                                             "Lost blocks that were put back here.")),
      degraded_(keeping.host.metrics().Gauge("degraded_groups",
                                             "Groups held here that a repair is due for.")) {}

void Repairer::Step() {
  const std::vector<Multihash> scarce = keeping_.roster.Scarce(keeping_.options.rule);
  {
    MutexLock lock(mutex_);
    std::erase_if(due_, [&](const auto& due) {
      return !std::binary_search(scarce.begin(), scarce.end(), due.first);
    });
  }
  for (const Multihash& group : scarce) {
    if (keeping_.stopped()) return;
    const std::optional<KeptGroup> kept = keeping_.roster.Find(group);
    if (kept && IsDue(group, *kept)) RepairOne(group, *kept);
  }
  std::vector<Multihash> due;
  {
    MutexLock lock(mutex_);
    degraded_.Set(static_cast<int64_t>(due_.size()));
    for (const auto& [group, since] : due_) due.push_back(group);
  }
  grants_.ForgetTurnsBut(due);
}

bool Repairer::IsDue(const Multihash& group, const KeptGroup& kept) {
  const Time now = keeping_.host.Now();
  const std::vector<MemberView> members = keeping_.roster.Members(group);
  if (members.empty()) return false;
  const bool is_due = Judge(keeping_.options.rule, kept.spec, members, now).repair_due;
  Due due;
  {
    MutexLock lock(mutex_);
    if (!is_due) {
      due_.erase(group);
      return false;
    }
    due = due_.try_emplace(group, Due{now}).first->second;
  }
  if (now < due.not_before) return false;
  const PeerId repairing = grants_.Holder(group, now);
  if (!repairing.empty() && repairing != keeping_.self()) return false;
  const size_t rank = RankOf(keeping_.host.crypto(), group, keeping_.self(), members);
  return now >= due.since + static_cast<int64_t>(rank) * keeping_.options.rule.takeover;
}

void Repairer::RepairOne(const Multihash& group, const KeptGroup& kept) {
  const Time now = keeping_.host.Now();
  if (!GiveSelf(group, now + kConsent)) return;
  const std::set<PeerId> others = WhoHasASay(group);
  const bool agreed = AskAll(group, others, kConsent);
  // Who answered may have been away until now.
  const std::vector<MemberView> members = keeping_.roster.Members(group);
  const Verdict verdict = Judge(keeping_.options.rule, kept.spec, members, keeping_.host.Now());
  bool is_done = !verdict.repair_due;
  Duration least_pause;
  if (agreed && verdict.repair_due) {
    {
      MutexLock lock(mutex_);
      running_ = group;
    }
    const absl::Status restored = RestoreWithConsent(group, others, members, verdict);
    // The new holders may not count: shunned by now, or beyond the cap of members.
    is_done = restored.ok() && !Judge(keeping_.options.rule, kept.spec,
                                      keeping_.roster.Members(group), keeping_.host.Now())
                                    .repair_due;
    if (restored.ok()) {
      repairs_.Add(1);
      keeping_.Log(Severity::kInfo,
                   absl::StrCat("repaired group ", group.ToString(), ": ", verdict.census.counted,
                                " of ", verdict.holders, " pieces were left"));
    } else {
      if (absl::IsDataLoss(restored)) least_pause = kDataLossPause;
      keeping_.Log(Severity::kWarning, absl::StrCat("repair group ", group.ToString(), ": ",
                                                    std::string(restored.message())));
    }
    MutexLock lock(mutex_);
    running_ = Multihash();
    // Whoever is next has a full turn before this node tries again.
    due_[group].since = keeping_.host.Now();
  }
  if (!is_done) TryLater(group, least_pause);
  AskAll(group, others, absl::ZeroDuration());
  GiveSelf(group, absl::InfinitePast());
}

bool Repairer::GiveSelf(const Multihash& group, Time until) {
  // It stands in nobody's way but by the consent of others.
  return grants_.Give(group, keeping_.self(), until, keeping_.host.Now(), absl::ZeroDuration());
}

absl::Status Repairer::RestoreWithConsent(const Multihash& group, const std::set<PeerId>& others,
                                          std::span<const MemberView> members,
                                          const Verdict& verdict) {
  const std::unique_ptr<Registration> renewing =
      keeping_.host.tasks().Every("keeper consent", kRenewal, [&] {
        GiveSelf(group, keeping_.host.Now() + kConsent);
        AskAll(group, others, kConsent);
      });
  return Restore(group, members, verdict);
}

// What does not work now, for want of peers or of consent, will not work in a minute either.
void Repairer::TryLater(const Multihash& group, Duration least_pause) {
  MutexLock lock(mutex_);
  Due& due = due_[group];
  due.not_before = keeping_.host.Now() + std::max(due.pause, least_pause);
  due.pause = std::min(2 * due.pause, Duration(kLongestPause));
}

std::set<PeerId> Repairer::WhoHasASay(const Multihash& group) const {
  std::set<PeerId> peers;
  for (const MemberView& member : keeping_.roster.Members(group)) peers.insert(member.peer);
  const auto content = LoadContent(keeping_.node, keeping_.host.crypto(), group);
  if (content.ok()) {
    peers.insert(content->record.holders.begin(), content->record.holders.end());
  }
  peers.erase(PeerId());
  peers.erase(keeping_.self());
  return peers;
}

bool Repairer::AskAll(const Multihash& group, const std::set<PeerId>& peers, Duration time) {
  KeeperRequest request;
  request.claim = RepairClaim{group, time};
  const Bytes message = Bytes::Of(Encode(request));
  const Time deadline = keeping_.host.Now() + kAskLimit;
  const std::unique_ptr<Calls> calls = keeping_.node.messenger().NewCalls();
  std::map<uint64_t, PeerId> asked;
  for (const PeerId& peer : peers) {
    // Those away are asked as well: some may be back. When giving back nobody new is bothered.
    if (time == absl::ZeroDuration() && keeping_.roster.IsAway(peer)) continue;
    asked[calls->Send({peer, {}}, kProtocol, message, kMaxMessage, deadline)] = peer;
  }
  size_t answers = 0;
  size_t denials = 0;
  while (const std::optional<Calls::Answer> answer = keeping_.Next(*calls, deadline)) {
    const PeerId& peer = asked.at(answer->call);
    if (!answer->result.ok()) {
      keeping_.roster.Missed(peer, keeping_.host.Now());
      continue;
    }
    keeping_.roster.Heard(peer, keeping_.host.Now());
    const absl::StatusOr<KeeperAnswer> heard = ParseAnswer(*answer->result);
    const bool is_denial = !heard.ok() || !heard->granted;
    denials += is_denial;
    // Who has nothing of the group agrees to anything: it outvotes nobody who knows of its end.
    answers += is_denial || keeping_.roster.Shares(group, peer);
  }
  if (denials == 0) return true;
  MutexLock lock(mutex_);
  const Duration waited = keeping_.host.Now() - due_[group].since;
  return 2 * denials < answers && waited > kPatience * keeping_.options.rule.takeover;
}

bool Repairer::Consent(const PeerId& peer, const RepairClaim& claim) {
  const Time now = keeping_.host.Now();
  const std::optional<KeptGroup> kept = keeping_.roster.Find(claim.group);
  // Who is no member has no say, unless it was one until the owner put an end to it.
  if (!kept) return !ended_.Contains(claim.group, now);
  const Duration time = std::min(claim.time, kConsent);
  Duration pause;  // Everyone else has a turn before it has another.
  if (time > absl::ZeroDuration()) {
    {
      MutexLock lock(mutex_);
      if (running_ == claim.group) return false;
    }
    const std::vector<MemberView> members = keeping_.roster.Members(claim.group);
    bool is_trusted = false;
    for (const MemberView& member : members) {
      if (!member.trusted) continue;
      is_trusted |= member.peer == peer;
      pause += keeping_.options.rule.takeover;
    }
    if (!is_trusted || !Judge(keeping_.options.rule, kept->spec, members, now).repair_due) {
      return false;
    }
  }
  return grants_.Give(claim.group, peer, now + time, now, pause);
}

Repairer::Phase Repairer::PhaseOf(const Multihash& group) const {
  const PeerId holder = grants_.Holder(group, keeping_.host.Now());
  MutexLock lock(mutex_);
  if (!holder.empty() || running_ == group) return Phase::kRunning;
  return due_.contains(group) ? Phase::kDue : Phase::kIdle;
}

absl::Status Repairer::Restore(const Multihash& group, std::span<const MemberView> members,
                               const Verdict& verdict) {
  L2P_ASSIGN_OR_RETURN(const GroupContent content,
                       LoadContent(keeping_.node, keeping_.host.crypto(), group));
  const std::vector<Place> missing =
      MissingPlaces(content.spec(), members, keeping_.host.Now(), verdict.grace);
  std::set<PeerId> taken = {keeping_.self(), content.owner};
  std::set<Place> sources;
  for (const MemberView& member : members) {
    taken.insert(member.peer);
    if (member.trusted && member.within_reach()) sources.insert(member.place);
  }
  // Nobody is bothered for nothing: half of the swarm may be out of reach, or this node alone.
  if (content.sidecar && sources.size() < verdict.needed) {
    return absl::UnavailableError(absl::StrCat(sources.size(), " of the ", verdict.needed,
                                               " pieces that it takes are within reach"));
  }
  L2P_ASSIGN_OR_RETURN(
      std::vector<PeerInfo> candidates,
      keeping_.node.peers().Candidates(group, keeping_.host.Now() + kCandidatesLimit));
  std::erase_if(candidates, [&](const PeerInfo& peer) { return taken.contains(peer.id); });
  if (candidates.empty()) return absl::UnavailableError("there is no other peer to hold it");
  if (!content.sidecar) {
    const BlockReader read = [this](std::span<const Multihash> ids,
                                    std::span<absl::StatusOr<Bytes>> out) {
      keeping_.node.blocks().Get(ids, out);
    };
    return Fill(content, std::move(candidates), missing, [&] { return read; });
  }
  L2P_RETURN_IF_ERROR(CheckDag(keeping_.node, *content.sidecar));
  Rebuild rebuild(keeping_.host, keeping_.node, content, sources, missing,
                  keeping_.options.window_bytes, [this](uint64_t bytes) {
                    fetched_bytes_.Add(static_cast<int64_t>(bytes));
                    pace_.Take(bytes);
                  });
  return Fill(content, std::move(candidates), missing, [&] { return rebuild.NewReader(); });
}

size_t Repairer::PushesAtOnce() const {
  constexpr uint64_t kReadAtOnce = 2 << 20;  // By a push.
  const uint64_t of_round =
      keeping_.options.repair_rate * static_cast<uint64_t>(absl::ToInt64Seconds(kRound));
  return std::clamp<size_t>(of_round / kReadAtOnce, kLeastPushesAtOnce, kPushesAtOnce);
}

BlockReader Repairer::Paced(BlockReader read) {
  return [this, read = std::move(read)](std::span<const Multihash> ids,
                                        std::span<absl::StatusOr<Bytes>> out) {
    read(ids, out);
    uint64_t bytes = 0;
    for (const absl::StatusOr<Bytes>& block : out) bytes += block.ok() ? block->size() : 0;
    pushed_bytes_.Add(static_cast<int64_t>(bytes));
    if (pace_.Take(bytes)) return;
    std::fill(out.begin(), out.end(), absl::AbortedError("the node is stopping"));
  };
}

// The missing places of one group on their way to new holders: a place whose candidate refuses goes
// to the next candidate. What cannot be read cannot be read for anybody: it ends all of them.
class Repairer::Filling {
 public:
  using OnAdded = std::function<void(const MemberHint& hint)>;  // May wait.

  Filling(const Keeping& keeping, const GroupContent& content, std::vector<PeerInfo> candidates,
          std::vector<Place> missing, NewReader new_reader, OnAdded on_added, size_t at_once)
      : keeping_(keeping),
        content_(content),
        candidates_(std::move(candidates)),
        missing_(std::move(missing)),
        new_reader_(std::move(new_reader)),
        on_added_(std::move(on_added)),
        at_once_(at_once) {}

  void Run() {
    TaskGroup pushes(keeping_.host.tasks(), keeping_.host.NewEvent());
    for (size_t i = 0; i < std::min(at_once_, missing_.size()); ++i) {
      pushes.Start("keeper push", [this] { FillPlaces(); }).IgnoreError();
    }
  }

  // Once Run has returned.
  size_t added = 0;
  std::string refusal;
  absl::Status read_error;

 private:
  void FillPlaces() {
    while (const std::optional<size_t> place = Next(next_place_, missing_.size())) {
      FillPlace(missing_[*place]);
    }
  }

  void FillPlace(Place place) {
    const HeldGroups::Content share = content_.ShareOf(place);
    BlockReader read;
    while (const std::optional<size_t> next = Next(next_candidate_, candidates_.size())) {
      const PeerInfo& candidate = candidates_[*next];
      // The last one is given up only now: the others have not gone far by then.
      read = Watched(new_reader_());
      const absl::Status pushed =
          keeping_.node.peers().Push(candidate, share, content_.held.until, read);
      if (pushed.ok()) {
        read = nullptr;  // Nobody has to wait for it any more.
        on_added_({content_.record.group, place, candidate.id});
      }
      MutexLock lock(mutex_);
      if (pushed.ok()) {
        ++added;
        return;
      }
      refusal = absl::StrCat(candidate.id.ToString(), ": ", std::string(pushed.message()));
    }
  }

  BlockReader Watched(BlockReader read) {
    return [this, read = std::move(read)](std::span<const Multihash> ids,
                                          std::span<absl::StatusOr<Bytes>> out) {
      read(ids, out);
      MutexLock lock(mutex_);
      for (const absl::StatusOr<Bytes>& block : out) read_error.Update(block.status());
    };
  }

  std::optional<size_t> Next(size_t& next, size_t end) {
    if (keeping_.stopped()) return std::nullopt;
    MutexLock lock(mutex_);
    if (next == end || !read_error.ok()) return std::nullopt;
    return next++;
  }

  const Keeping& keeping_;
  const GroupContent& content_;
  const std::vector<PeerInfo> candidates_;
  const std::vector<Place> missing_;
  const NewReader new_reader_;
  const OnAdded on_added_;
  const size_t at_once_;
  Mutex mutex_{"Filling"};
  size_t next_place_ = 0;  // Guarded by mutex_, as all that follows Run.
  size_t next_candidate_ = 0;
};

absl::Status Repairer::Fill(const GroupContent& content, std::vector<PeerInfo> candidates,
                            const std::vector<Place>& missing, const NewReader& new_reader) {
  Filling filling(
      keeping_, content, std::move(candidates), missing, [&] { return Paced(new_reader()); },
      [&](const MemberHint& hint) {
        keeping_.roster.AddTrusted(hint.group, hint.peer, hint.place);
        TellMembers(hint);
      },
      PushesAtOnce());
  filling.Run();
  if (filling.added == missing.size()) return absl::OkStatus();
  L2P_RETURN_IF_ERROR(filling.read_error);
  return absl::UnavailableError(absl::StrCat(filling.added, " of ", missing.size(),
                                             " missing pieces were placed; ", filling.refusal));
}

// The new one hears of everyone who is well, the others of the new one: at once, or it would deny
// what others have by now learned that it holds. Word that is lost is made up for by the probes.
void Repairer::TellMembers(const MemberHint& added) {
  const std::vector<MemberView> members = keeping_.roster.Members(added.group);
  KeeperRequest to_old, to_new;
  to_old.hints = {added};
  for (const MemberView& member : members) {
    if (!member.trusted || !member.within_reach()) continue;  // It would trust them at our word.
    to_new.hints.push_back({added.group, member.place, member.peer});
  }
  const Bytes old_message = Bytes::Of(Encode(to_old));
  const Bytes new_message = Bytes::Of(Encode(to_new));
  const Time deadline = keeping_.host.Now() + kAskLimit;
  const std::unique_ptr<Calls> calls = keeping_.node.messenger().NewCalls();
  for (const MemberView& member : members) {
    if (member.peer == keeping_.self() || !member.within_reach()) continue;
    calls->Send({member.peer, {}}, kProtocol, member.peer == added.peer ? new_message : old_message,
                kMaxMessage, deadline);
  }
  while (keeping_.Next(*calls, deadline)) {
  }
}

void Repairer::Mend() {
  std::map<Multihash, std::vector<BlockRef>> lost;
  for (HeldGroups::Lost& one : keeping_.node.groups().LostBlocks(kMendAtOnce)) {
    lost[one.group].push_back(std::move(one.block));
  }
  for (const auto& [group, blocks] : lost) {
    if (keeping_.stopped()) return;
    const absl::Status mended = MendOne(group, blocks);
    keeping_.roster.SetBroken(group, !mended.ok());
    if (mended.ok()) {
      mended_.Add(static_cast<int64_t>(blocks.size()));
    } else {
      keeping_.Log(Severity::kWarning,
                   absl::StrCat("put back lost blocks of group ", group.ToString(), ": ",
                                std::string(mended.message())));
    }
  }
}

absl::Status Repairer::MendOne(const Multihash& group, const std::vector<BlockRef>& lost) {
  std::vector<Multihash> ids;
  for (const BlockRef& block : lost) ids.push_back(block.id);
  std::vector<absl::StatusOr<Bytes>> got(ids.size(), absl::UnknownError(""));
  // Others have the nodes, the sidecar and whole copies; pieces have to be made again.
  keeping_.node.blocks().Fetch(group, ids, keeping_.host.Now() + kMendLimit, got);
  std::vector<Block> found;
  std::vector<Multihash> left;
  for (size_t i = 0; i < ids.size(); ++i) {
    if (got[i].ok()) {
      found.push_back({ids[i], *std::move(got[i])});
    } else {
      left.push_back(ids[i]);
    }
  }
  L2P_RETURN_IF_ERROR(keeping_.node.blocks().Put(found));
  if (left.empty()) return absl::OkStatus();
  L2P_ASSIGN_OR_RETURN(const GroupContent content,
                       LoadContent(keeping_.node, keeping_.host.crypto(), group));
  if (!content.sidecar) return absl::UnavailableError("no other holder has them");
  std::set<Place> sources;
  for (const MemberView& member : keeping_.roster.Members(group)) {
    if (member.trusted && member.within_reach() && member.peer != keeping_.self()) {
      sources.insert(member.place);
    }
  }
  Rebuild rebuild(keeping_.host, keeping_.node, content, sources, {content.place},
                  keeping_.options.window_bytes, [this](uint64_t bytes) { pace_.Take(bytes); });
  const BlockReader read = rebuild.NewReader();
  for (const Multihash& id : left) {
    absl::StatusOr<Bytes> made = absl::UnknownError("");
    read({&id, 1}, {&made, 1});
    if (!made.ok()) return made.status();
    const Block block{id, *std::move(made)};
    L2P_RETURN_IF_ERROR(keeping_.node.blocks().Put({&block, 1}));
  }
  return absl::OkStatus();
}

}  // namespace l2p::keeper
