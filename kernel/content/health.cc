#include "kernel/content/health.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "kernel/content/group_builder.h"
#include "l2p/dag_pb.h"
#include "l2p/group_record.h"

namespace l2p {
namespace {

constexpr size_t kMaxGroups = 10'000;
constexpr size_t kMaxNodes = 100'000;
constexpr size_t kMaxDepth = 64;
constexpr size_t kMaxProviders = 60;
constexpr Duration kLookup = absl::Seconds(10);
constexpr Duration kAsk = absl::Seconds(8);

// The groups of a dag, read from its nodes alone.
class GroupFinder {
 public:
  GroupFinder(BlockSource& source, Time deadline)
      : source_(source), deadline_(deadline), builder_([this](Group group) -> absl::Status {
          if (found_.size() == kMaxGroups) {
            return absl::ResourceExhaustedError("the dag has too many groups");
          }
          found_.push_back(std::move(group.id));
          return absl::OkStatus();
        }) {}

  absl::StatusOr<std::vector<Multihash>> Run(const Cid& root) {
    L2P_ASSIGN_OR_RETURN(Subtree tree, Visit(root, 0));
    L2P_RETURN_IF_ERROR(builder_.Finish(tree));
    return std::move(found_);
  }

 private:
  absl::StatusOr<Subtree> Visit(const Cid& cid, size_t depth) {
    if (cid.codec() != Codec::kDagPb) return GroupBuilder::Leaf(cid, 0);
    if (depth == kMaxDepth || ++nodes_ > kMaxNodes) {
      return absl::ResourceExhaustedError("the dag is too large to look through");
    }
    const absl::StatusOr<Bytes> block = GetBlock(source_, cid, deadline_);
    if (!block.ok()) {
      // Nobody has it: its own group, of which no holder will be found.
      Subtree missing = GroupBuilder::Leaf(cid, 0);
      L2P_RETURN_IF_ERROR(builder_.Separate(missing));
      return missing;
    }
    L2P_ASSIGN_OR_RETURN(const DagNode node, DecodeDagPb(*block));
    if (node.links.empty()) return GroupBuilder::Leaf(cid, 0);
    std::vector<Subtree> children;
    for (const DagLink& link : node.links) {
      L2P_ASSIGN_OR_RETURN(children.emplace_back(), Visit(link.cid, depth + 1));
    }
    return builder_.Node(cid, static_cast<uint32_t>(block->size()), children);
  }

  BlockSource& source_;
  const Time deadline_;
  std::vector<Multihash> found_;
  size_t nodes_ = 0;
  GroupBuilder builder_;
};

std::string NetworkOf(const Multiaddr& address) {
  if (const auto ip = address.Value("ip4")) {
    return ip->substr(0, ip->rfind('.'));
  }
  const std::optional<std::string> ip = address.Value("ip6");
  if (!ip) return "";
  std::vector<std::string> words = absl::StrSplit(*ip, ':');
  words.resize(std::min<size_t>(words.size(), 3));
  return absl::StrJoin(words, ":");
}

// What the holders of one group say.
class Inquiry {
 public:
  Inquiry(const HealthParts& parts, const Multihash& group, Time deadline)
      : parts_(parts), group_(group), deadline_(deadline) {}

  Health::GroupHealth Run() {
    FindProviders();
    Ask();
    Ask();  // Those whom the first ones named.
    return Judge();
  }

 private:
  Time Limit(Duration limit) const { return std::min(deadline_, parts_.runtime.Now() + limit); }

  void FindProviders() {
    const Time until = Limit(kLookup);
    const auto query = parts_.router.Get()->FindProviders(group_, kMaxProviders, until);
    if (!query.ok()) return;
    for (;;) {
      absl::StatusOr<std::optional<PeerInfo>> next = (*query)->Next(until);
      if (!next.ok() || !*next) return;
      to_ask_.push_back(**next);
    }
  }

  void Ask() {
    const std::unique_ptr<Calls> calls = parts_.messenger.NewCalls();
    std::map<uint64_t, PeerInfo> asked;
    for (PeerInfo& peer : std::exchange(to_ask_, {})) {
      if (peer.id == parts_.holdings.self() || !known_.insert(peer.id).second) continue;
      if (known_.size() > GroupStatus::kMaxMembers) break;
      const uint64_t call = calls->Send(peer, kHealthProtocol, Bytes::Copy(group_.binary()),
                                        GroupStatus::kMaxBytes, Limit(kAsk));
      asked.emplace(call, std::move(peer));
    }
    while (const std::optional<Calls::Answer> answer = calls->Next(Limit(kAsk))) {
      if (!answer->result.ok() || answer->result->empty()) continue;
      const absl::StatusOr<GroupStatus> status = ParseGroupStatus(*answer->result);
      if (status.ok()) Hear(asked.at(answer->call), *status);
    }
  }

  void Hear(const PeerInfo& from, const GroupStatus& status) {
    const auto record = OpenGroupRecord(parts_.crypto, AsBytes(status.record));
    if (record.ok() && record->group == group_) {
      // Only the owner says what he wants, the last word counts.
      if (!record_ || record_->issued < record->issued) record_ = *record;
    }
    health_.last_audit = std::max(health_.last_audit, status.last_audit);
    health_.repair = std::max(health_.repair, status.repair);
    if (status.lost_blocks == 0) Count(from.id, status.place);
    for (const Multiaddr& address : from.addresses) networks_.insert(NetworkOf(address));
    for (const GroupStatus::Member& member : status.members) {
      // About this node others know more than it can ask itself.
      if (member.peer == parts_.holdings.self() && member.counts) Count(member.peer, member.place);
      to_ask_.push_back({member.peer, {}});
    }
  }

  void Count(const PeerId& holder, uint32_t place) {
    if (!holders_.insert(holder).second) return;
    places_.insert(place);
    whole_ += place == GroupStatus::kWholeCopy;
  }

  Health::GroupHealth Judge() {
    health_.id = group_;
    Redundancy spec = Redundancy::Copies(std::max<size_t>(1, holders_.size()));
    if (record_) {
      spec = record_->ForGroup();
      health_.redundancy = spec.ToString();
    }
    networks_.erase("");
    health_.needed = spec.needed;
    health_.wanted = spec.holders;
    health_.holders = holders_.size();
    health_.networks = networks_.size();
    places_.erase(GroupStatus::kWholeCopy);
    health_.live = spec.coded() ? places_.size() : whole_;
    // As the keeper: at or below five eighths of the margin a group is to be repaired.
    const size_t threshold = std::min(spec.needed + spec.margin() * 5 / 8, spec.holders - 1);
    const std::string count =
        absl::StrCat(health_.live, " of ", health_.needed, " ", spec.coded() ? "pieces" : "copies");
    if (health_.live < health_.needed) {
      health_.verdict = Health::Verdict::kLost;
      health_.why = count;
      if (parts_.holdings.FindGroup(group_).ok()) {
        health_.verdict = Health::Verdict::kDegraded;
        health_.why += " elsewhere; this node has what it put";
      }
    } else if (health_.live <= threshold && health_.live < health_.wanted) {
      health_.verdict = Health::Verdict::kDegraded;
      health_.why = absl::StrCat(health_.margin(), " may be lost, of ", spec.margin());
    } else {
      health_.verdict = Health::Verdict::kHealthy;
    }
    return std::move(health_);
  }

  const HealthParts& parts_;
  const Multihash group_;
  const Time deadline_;
  std::vector<PeerInfo> to_ask_;
  std::set<PeerId> known_;
  std::set<PeerId> holders_;
  std::set<uint32_t> places_;
  size_t whole_ = 0;
  std::set<std::string> networks_;
  std::optional<GroupRecord> record_;
  Health::GroupHealth health_;
};

absl::StatusOr<std::vector<Multihash>> GroupsOf(const HealthParts& parts, const Cid& root,
                                                Time deadline) {
  L2P_ASSIGN_OR_RETURN(const std::vector<Root> own, parts.holdings.Roots());
  for (const Root& one : own) {
    if (one.id == root && !one.groups.empty()) return one.groups;
  }
  const std::unique_ptr<Exchange::Session> session = parts.exchange.NewSession(false);
  return GroupFinder(*session, deadline).Run(root);
}

}  // namespace

absl::StatusOr<Health> CheckHealth(const HealthParts& parts, const Cid& root, Time deadline) {
  L2P_ASSIGN_OR_RETURN(const std::vector<Multihash> groups, GroupsOf(parts, root, deadline));
  Health health;
  for (const Multihash& group : groups) {
    health.groups.push_back(Inquiry(parts, group, deadline).Run());
    health.verdict = std::max(health.verdict, health.groups.back().verdict);
  }
  return health;
}

}  // namespace l2p
