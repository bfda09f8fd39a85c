#include "keeper_service.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p::keeper {
namespace {

constexpr size_t kGroupsAtOnce = 256;
constexpr Duration kDay = absl::Hours(24);

}  // namespace

KeeperService::KeeperService(Host& host, Options options)
    : host_(host), options_(options), stopping_(host.NewEvent()) {}

KeeperService::~KeeperService() { Stop(); }

absl::Status KeeperService::Start(Node& node) {
  L2P_ASSIGN_OR_RETURN(state_, host_.state());
  roster_ = std::make_unique<Roster>(host_.crypto(), host_.identity().peer());
  L2P_RETURN_IF_ERROR(roster_->Load(*state_));
  work_ = std::make_unique<Work>(host_, node, *roster_, options_, *stopping_);
  L2P_RETURN_IF_ERROR(work_->repairer.ended().Load(*state_));
  return Serve(*work_);
}

absl::Status KeeperService::Serve(Work& work) {
  Messenger& messenger = work.keeping.node.messenger();
  const auto add = [&](std::unique_ptr<Registration> registration) {
    work.registrations.push_back(std::move(registration));
  };
  L2P_ASSIGN_OR_RETURN(
      std::unique_ptr<Registration> serving,
      messenger.Serve(kProtocol, kMaxMessage, [this, &work](const Caller& from, ByteView request) {
        return Answer(work, from, request);
      }));
  add(std::move(serving));
  L2P_ASSIGN_OR_RETURN(serving, messenger.Serve(kHealthProtocol, GroupStatus::kMaxBytes,
                                                [this, &work](const Caller&, ByteView request) {
                                                  return TellStatus(work, request);
                                                }));
  add(std::move(serving));
  PeerWatcher watcher;
  watcher.up = [&work](const PeerInfo& peer, const std::vector<std::string>&) {
    if (work.keeping.roster.IsAway(peer.id)) work.prober.Hurry(peer.id);
  };
  watcher.down = [](const PeerId&) {};
  add(messenger.Watch(std::move(watcher)));
  Tasks& tasks = host_.tasks();
  add(tasks.After("keeper", absl::ZeroDuration(), [this, &work] { Sync(work); }));
  add(tasks.Every("keeper", kTick, [this, &work] { Tick(work); }));
  add(tasks.Every("keeper repair", kTick, [&work] {
    work.repairer.Mend();
    work.repairer.Step();
  }));
  if (options_.audits_per_day > 0) {
    add(tasks.Every("keeper audit", kDay / static_cast<double>(options_.audits_per_day),
                    [&work] { work.auditor.Step(); }));
  }
  return absl::OkStatus();
}

void KeeperService::Stop() {
  stopping_->Set();
  if (work_ == nullptr) return;
  work_->registrations.clear();
  Save(*work_);
  work_.reset();
}

void KeeperService::Tick(Work& work) {
  Sync(work);
  if (IsSynced()) work.prober.Step();
  UpdateOpinions(work);
  roster_->ForgetAbsentSince(host_.Now() - options_.forget);
  Save(work);
}

void KeeperService::Save(Work& work) {
  absl::Status saved = work.repairer.ended().Save(*state_, host_.Now());
  saved.Update(roster_->Save(*state_));
  if (!saved.ok()) host_.Log(Severity::kWarning, std::string(saved.message()));
}

void KeeperService::Sync(Work& work) {
  {
    MutexLock lock(mutex_);
    if (syncing_) return;
    syncing_ = true;
  }
  std::vector<Multihash> known = roster_->Groups();
  std::vector<Multihash> held;
  for (Multihash after;;) {
    const std::vector<HeldGroup> page = work.keeping.node.groups().List(after, kGroupsAtOnce);
    if (page.empty() || stopping_->Wait(absl::InfinitePast())) break;
    after = page.back().group;
    for (const HeldGroup& one : page) {
      // What its own user has put is no other's copy.
      if (one.owner == work.keeping.self()) continue;
      if (held.empty() || held.back() != one.group) held.push_back(one.group);
      work.repairer.ended().Hold(one.group, one.until);
      if (!std::binary_search(known.begin(), known.end(), one.group)) Adopt(work, one);
    }
  }
  for (const Multihash& group : known) {
    if (!std::binary_search(held.begin(), held.end(), group) &&
        !stopping_->Wait(absl::InfinitePast())) {
      roster_->Remove(group);
      work.repairer.ended().Drop(group, host_.Now());
    }
  }
  const bool is_complete = !stopping_->Wait(absl::InfinitePast());
  MutexLock lock(mutex_);
  syncing_ = false;
  is_synced_ |= is_complete;
}

bool KeeperService::IsSynced() {
  MutexLock lock(mutex_);
  return is_synced_;
}

void KeeperService::Adopt(Work& work, const HeldGroup& held) {
  const absl::StatusOr<GroupContent> content =
      LoadContent(work.keeping.node, host_.crypto(), held.group);
  if (!content.ok()) {
    // A record comes a moment after the blocks: this is asked again.
    if (!absl::IsNotFound(content.status())) {
      host_.Log(Severity::kDebug, std::string(content.status().message()));
    }
    return;
  }
  std::vector<std::pair<PeerId, Place>> members;
  for (size_t place = 0; place < content->record.holders.size(); ++place) {
    const PeerId& holder = content->record.holders[place];
    if (holder.empty()) continue;
    members.emplace_back(holder, content->sidecar ? static_cast<Place>(place) : kWhole);
  }
  KeptGroup group{held.group, content->spec(), content->place, {}, content->owner, held.owner};
  if (content->sidecar) group.sidecar = content->sidecar_block.id;
  roster_->Add(group, members);
}

void KeeperService::UpdateOpinions(Work& work) {
  std::set<PeerId> shunned;
  for (const Roster::Peer& peer : roster_->Peers()) {
    if (work.keeping.node.peers().Score(peer.id) <= NodePeers::kShunned) shunned.insert(peer.id);
  }
  roster_->SetShunned(shunned);
}

absl::StatusOr<std::optional<Bytes>> KeeperService::Answer(Work& work, const Caller& from,
                                                           ByteView request) {
  L2P_ASSIGN_OR_RETURN(const KeeperRequest asked, ParseRequest(request));
  KeeperAnswer answer;
  if (IsSynced()) answer.ranges = work.prober.Answer(from.peer, asked.ranges);
  // What it has not come to yet may be a group that it would object to.
  if (asked.claim) answer.granted = IsSynced() && work.repairer.Consent(from.peer, *asked.claim);
  if (asked.leaf && !asked.leaf->blocks.empty()) {
    // Without a proof the audit has failed, which is what it is for.
    absl::StatusOr<TreeProof> proof = work.auditor.Prove(*asked.leaf);
    if (proof.ok()) answer.proof = *std::move(proof);
  }
  const bool is_news = std::any_of(asked.hints.begin(), asked.hints.end(), [&](const auto& hint) {
    return !roster_->Find(hint.group).has_value();
  });
  if (is_news) Sync(work);
  for (const MemberHint& hint : asked.hints) roster_->Suggest(from.peer, hint);
  return Bytes::Of(Encode(answer));
}

absl::StatusOr<std::optional<Bytes>> KeeperService::TellStatus(Work& work, ByteView request) {
  L2P_ASSIGN_OR_RETURN(const Multihash group, Multihash::FromBinary(request));
  const absl::StatusOr<HeldGroups::Content> content = work.keeping.node.groups().Find(group);
  if (!content.ok()) return Bytes();
  GroupStatus status;
  status.record = content->record;
  std::vector<Multihash> ids = IdsOf(content->blocks);
  std::vector<int64_t> sizes(ids.size(), -1);
  L2P_RETURN_IF_ERROR(work.keeping.node.blocks().Has(ids, sizes));
  status.lost_blocks = static_cast<uint64_t>(std::count(sizes.begin(), sizes.end(), -1));
  status.last_audit = work.auditor.LastOf(group);
  switch (work.repairer.PhaseOf(group)) {
    case Repairer::Phase::kIdle:
      break;
    case Repairer::Phase::kDue:
      status.repair = GroupStatus::Repair::kDue;
      break;
    case Repairer::Phase::kRunning:
      status.repair = GroupStatus::Repair::kRunning;
      break;
  }
  // A group that has only just come is not in the roster yet.
  if (const std::optional<KeptGroup> kept = roster_->Find(group)) {
    status.place = kept->place;
  } else if (const auto loaded = LoadContent(work.keeping.node, host_.crypto(), group);
             loaded.ok()) {
    status.place = loaded->place;
  }
  for (const MemberView& member : roster_->Members(group)) {
    if (member.peer == work.keeping.self()) continue;
    status.members.push_back({member.peer, member.place, member.trusted && member.within_reach()});
  }
  return Bytes::Of(EncodeGroupStatus(status));
}

}  // namespace l2p::keeper
