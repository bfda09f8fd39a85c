// Rows of the State: "m/" group (multihash) -> ( uvarint place  uvarint size  peer id )*
#include "roster.h"

#include <algorithm>
#include <bitset>

#include "absl/strings/str_cat.h"
#include "l2p/varint.h"

namespace l2p::keeper {
namespace {

constexpr char kRows[] = "m/";
constexpr size_t kRowsAtOnce = 256;
constexpr size_t kNibbles = 16;  // Of a position.

// The positions whose first nibbles are `path`.
std::pair<uint64_t, uint64_t> BoundsOf(const std::string& path) {
  uint64_t first = 0;
  for (const char nibble : path) first = first << 4 | static_cast<uint8_t>(nibble);
  const size_t left = 4 * (kNibbles - path.size());
  if (left == 64) return {0, UINT64_MAX};
  first <<= left;
  return {first, first + ((uint64_t{1} << left) - 1)};
}

void XorInto(const Digest& digest, Digest& sum) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] ^= digest[i];
}

std::optional<std::vector<std::pair<PeerId, Place>>> ReadRow(ByteView row) {
  std::vector<std::pair<PeerId, Place>> members;
  while (!row.empty()) {
    const std::optional<uint64_t> place = TakeVarint(row);
    const std::optional<uint64_t> size = TakeVarint(row);
    if (!place || *place > kWhole || !size || *size > row.size()) return std::nullopt;
    absl::StatusOr<PeerId> peer = PeerId::FromBinary(row.first(*size));
    if (!peer.ok()) return std::nullopt;
    members.emplace_back(*std::move(peer), static_cast<Place>(*place));
    row = row.subspan(*size);
  }
  return members;
}

}  // namespace

bool Roster::LessByPosition::operator()(const Group* a, const Group* b) const {
  return std::tie(a->position, a->kept.id) < std::tie(b->position, b->kept.id);
}

bool Roster::Fits(const Group& group, Place place) const {
  return group.kept.spec.coded() ? place < group.kept.spec.holders : place == kWhole;
}

Digest Roster::DigestOfOne(const Group& group, const PeerId& peer, Place place) const {
  const bool own_first = self_ < peer;
  const uint8_t places[] = {static_cast<uint8_t>(own_first ? group.kept.place : place),
                            static_cast<uint8_t>(own_first ? place : group.kept.place)};
  const ByteView parts[] = {group.kept.id.binary(), places};
  const Sha256Digest whole = crypto_.Sha256(parts);
  Digest digest;
  std::copy_n(whole.begin(), digest.size(), digest.begin());
  return digest;
}

void Roster::Add(const KeptGroup& kept, std::span<const std::pair<PeerId, Place>> members) {
  const ByteView id = kept.id.binary();
  const Sha256Digest hash = crypto_.Sha256({&id, 1});
  MutexLock lock(mutex_);
  Group& group = groups_[kept.id];
  if (group.kept.id.empty()) {
    for (size_t i = 0; i < 8; ++i) group.position = group.position << 8 | hash[i];
  }
  const bool moves = group.kept.place != kept.place;
  group.kept = kept;
  for (const Group::Member& member : group.members) {
    PeerEntry* const peer = member.peer;
    Membership& membership = peer->shares.at(&group);
    if (!moves) continue;
    if (!group.is_broken) XorInto(membership.digest, peer->digest);
    membership.digest = DigestOfOne(group, peer->id, membership.place);
    if (!group.is_broken) XorInto(membership.digest, peer->digest);
  }
  for (const auto& [peer, place] : members) Put(group, peer, place, true, true);
  const auto loaded = loaded_.find(kept.id);
  if (loaded == loaded_.end()) return;
  for (const auto& [peer, place] : loaded->second) Put(group, peer, place, true, true);
  loaded_.erase(loaded);
}

void Roster::Remove(const Multihash& id) {
  MutexLock lock(mutex_);
  const auto found = groups_.find(id);
  if (found == groups_.end()) return;
  const std::vector<Group::Member> members = found->second.members;
  for (const Group::Member& member : members) Drop(found->second, *member.peer);
  groups_.erase(found);
  unsaved_.insert(id);
}

std::optional<KeptGroup> Roster::Find(const Multihash& id) const {
  MutexLock lock(mutex_);
  const auto found = groups_.find(id);
  if (found == groups_.end()) return std::nullopt;
  return found->second.kept;
}

std::vector<Multihash> Roster::Groups() const {
  MutexLock lock(mutex_);
  std::vector<Multihash> ids;
  for (const auto& [id, group] : groups_) ids.push_back(id);
  return ids;
}

size_t Roster::size() const {
  MutexLock lock(mutex_);
  return groups_.size();
}

void Roster::SetBroken(const Multihash& id, bool is_broken) {
  MutexLock lock(mutex_);
  const auto found = groups_.find(id);
  if (found == groups_.end() || found->second.is_broken == is_broken) return;
  found->second.is_broken = is_broken;
  for (const Group::Member& member : found->second.members) {
    XorInto(member.share->digest, member.peer->digest);
  }
}

// The same as Census::within_reach, for all groups each minute: without copies.
size_t Roster::ReachedPieces(const Group& group) const {
  std::bitset<kWhole + 1> places;
  size_t pieces = 0;
  const auto count = [&](Place place) {
    pieces += place == kWhole || !places[place];
    places.set(place);
  };
  if (!group.is_broken) count(group.kept.place);
  for (const auto& [peer, share] : group.members) {
    const bool is_there = peer->absent_since == absl::InfiniteFuture() && !peer->is_shunned;
    if (is_there && share->is_trusted) count(share->place);
  }
  return pieces;
}

std::vector<Multihash> Roster::Scarce(const KeepRule& rule) const {
  std::vector<Multihash> ids;
  MutexLock lock(mutex_);
  for (const auto& [id, group] : groups_) {
    const Redundancy& spec = group.kept.spec;
    if (ReachedPieces(group) <= rule.Threshold(spec.needed, spec.holders)) ids.push_back(id);
  }
  return ids;
}

std::vector<MemberView> Roster::Members(const Multihash& id) const {
  MutexLock lock(mutex_);
  const auto found = groups_.find(id);
  if (found == groups_.end()) return {};
  const Group& group = found->second;
  std::vector<MemberView> members;
  members.push_back({self_, group.kept.place, absl::InfiniteFuture(), !group.is_broken});
  for (const auto& [peer, share] : group.members) {
    members.push_back(
        {peer->id, share->place, peer->absent_since, share->is_trusted && !peer->is_shunned});
  }
  return members;
}

void Roster::Put(Group& group, const PeerId& id, Place place, bool is_trusted, bool if_new_only) {
  if (id == self_ || id == group.kept.owner || !Fits(group, place)) return;
  const auto known = peers_.find(id);
  const bool is_new = known == peers_.end() || !known->second.shares.contains(&group);
  if (!is_new && if_new_only) return;
  if (is_new && group.members.size() >= kMaxMembers && !MakeRoom(group)) return;
  PeerEntry& peer = peers_[id];
  peer.id = id;
  Membership& membership = peer.shares[&group];
  const bool moved = membership.place != place;
  membership.place = place;
  if (!is_new && !group.is_broken) XorInto(membership.digest, peer.digest);
  membership.digest = DigestOfOne(group, id, place);
  if (!group.is_broken) XorInto(membership.digest, peer.digest);
  if (is_new) group.members.push_back({&peer, &membership});
  if (is_new || moved) {
    membership.is_trusted = is_trusted;
    unsaved_.insert(group.kept.id);
  } else if (is_trusted && !membership.is_trusted) {
    membership.is_trusted = true;
    unsaved_.insert(group.kept.id);
  }
}

// Of those that nobody vouches for the first had the longest time to pass an audit.
bool Roster::MakeRoom(Group& group) {
  const auto last = std::min_element(group.members.begin(), group.members.end(),
                                     [](const Group::Member& a, const Group::Member& b) {
                                       return std::pair(a.share->is_trusted, a.peer->absent_since) <
                                              std::pair(b.share->is_trusted, b.peer->absent_since);
                                     });
  if (last->share->is_trusted && last->peer->absent_since == absl::InfiniteFuture()) return false;
  Drop(group, *last->peer);
  return true;
}

void Roster::Drop(Group& group, PeerEntry& peer) {
  std::erase_if(group.members, [&](const Group::Member& member) { return member.peer == &peer; });
  if (!group.is_broken) XorInto(peer.shares.at(&group).digest, peer.digest);
  peer.shares.erase(&group);
  unsaved_.insert(group.kept.id);
  if (peer.shares.empty()) peers_.erase(PeerId(peer.id));
}

void Roster::Learn(const PeerId& peer, std::span<const Share> shares) {
  MutexLock lock(mutex_);
  for (const Share& share : shares) {
    const auto found = groups_.find(share.group);
    if (found == groups_.end() || found->second.is_broken) continue;
    Put(found->second, peer, share.place, false, false);
  }
}

void Roster::Conclude(const PeerId& peer, const std::string& path, std::span<const Share> shares) {
  std::set<Multihash> listed;
  for (const Share& share : shares) listed.insert(share.group);
  MutexLock lock(mutex_);
  std::vector<Multihash> denied;
  ForEachIn(peer, path, [&](const Group& group, const Membership&) {
    if (!listed.contains(group.kept.id)) denied.push_back(group.kept.id);
  });
  for (const Multihash& id : denied) Drop(groups_.at(id), peers_.at(peer));
}

void Roster::AddTrusted(const Multihash& id, const PeerId& peer, Place place) {
  MutexLock lock(mutex_);
  if (const auto found = groups_.find(id); found != groups_.end()) {
    Put(found->second, peer, place, true, false);
  }
}

void Roster::Suggest(const PeerId& from, const MemberHint& hint) {
  MutexLock lock(mutex_);
  const auto found = groups_.find(hint.group);
  if (found == groups_.end()) return;
  Group& group = found->second;
  bool is_believed = from == group.kept.pusher;
  if (const auto entry = peers_.find(from); entry != peers_.end()) {
    const auto membership = entry->second.shares.find(&group);
    is_believed |= membership != entry->second.shares.end() && membership->second.is_trusted &&
                   !entry->second.is_shunned;
  }
  if (is_believed) Put(group, hint.peer, hint.place, true, true);
}

void Roster::SetTrusted(const Multihash& id, const PeerId& peer, bool is_trusted) {
  MutexLock lock(mutex_);
  const auto group = groups_.find(id);
  const auto entry = peers_.find(peer);
  if (group == groups_.end() || entry == peers_.end()) return;
  const auto membership = entry->second.shares.find(&group->second);
  if (membership == entry->second.shares.end() || membership->second.is_trusted == is_trusted) {
    return;
  }
  membership->second.is_trusted = is_trusted;
  unsaved_.insert(id);
}

template <typename Visit>
void Roster::ForEachIn(const PeerId& peer, const std::string& path, const Visit& visit) const {
  const auto entry = peers_.find(peer);
  if (entry == peers_.end()) return;
  Group low;
  const auto [first, last] = BoundsOf(path);
  low.position = first;
  const auto& shares = entry->second.shares;
  for (auto it = shares.lower_bound(&low); it != shares.end() && it->first->position <= last;
       ++it) {
    if (!it->first->is_broken) visit(*it->first, it->second);
  }
}

Digest Roster::DigestOf(const PeerId& peer, const std::string& path) const {
  Digest sum{};
  MutexLock lock(mutex_);
  if (path.empty()) {
    const auto entry = peers_.find(peer);
    return entry == peers_.end() ? sum : entry->second.digest;
  }
  ForEachIn(peer, path, [&](const Group&, const Membership& m) { XorInto(m.digest, sum); });
  return sum;
}

std::vector<Share> Roster::List(const PeerId& peer, const std::string& path) const {
  std::vector<Share> shares;
  MutexLock lock(mutex_);
  ForEachIn(peer, path, [&](const Group& group, const Membership&) {
    shares.push_back({group.kept.id, group.kept.place});
  });
  return shares;
}

Range Roster::Describe(const PeerId& peer, const std::string& path) const {
  Range range{path, {}, {}, false, List(peer, path)};
  if (range.shares.size() <= Range::kMaxListed || path.size() == Range::kMaxPath) {
    range.is_list = true;
    return range;
  }
  range.shares.clear();
  std::array<Digest, kFanOut>& digests = range.digests.emplace();
  for (size_t i = 0; i < kFanOut; ++i) {
    digests[i] = DigestOf(peer, path + static_cast<char>(i));
  }
  return range;
}

std::vector<Roster::Peer> Roster::Peers() const {
  std::vector<Peer> peers;
  MutexLock lock(mutex_);
  for (const auto& [id, peer] : peers_) {
    peers.push_back({id, peer.shares.size(), peer.absent_since, peer.heard_at});
  }
  return peers;
}

size_t Roster::peers() const {
  MutexLock lock(mutex_);
  return peers_.size();
}

bool Roster::IsAway(const PeerId& id) const {
  MutexLock lock(mutex_);
  const auto found = peers_.find(id);
  return found != peers_.end() && found->second.absent_since != absl::InfiniteFuture();
}

bool Roster::Shares(const Multihash& id, const PeerId& peer) const {
  MutexLock lock(mutex_);
  const auto group = groups_.find(id);
  const auto entry = peers_.find(peer);
  return group != groups_.end() && entry != peers_.end() &&
         entry->second.shares.contains(&group->second);
}

void Roster::Heard(const PeerId& id, Time now) {
  MutexLock lock(mutex_);
  const auto found = peers_.find(id);
  if (found == peers_.end()) return;
  found->second.absent_since = absl::InfiniteFuture();
  found->second.heard_at = now;
}

bool Roster::Missed(const PeerId& id, Time now) {
  MutexLock lock(mutex_);
  const auto found = peers_.find(id);
  if (found == peers_.end() || found->second.absent_since != absl::InfiniteFuture()) return false;
  found->second.absent_since = now;
  return true;
}

void Roster::SetShunned(const std::set<PeerId>& shunned) {
  MutexLock lock(mutex_);
  for (auto& [id, peer] : peers_) peer.is_shunned = shunned.contains(id);
}

void Roster::ForgetAbsentSince(Time limit) {
  MutexLock lock(mutex_);
  std::vector<std::pair<Multihash, PeerId>> gone;
  for (const auto& [id, peer] : peers_) {
    if (peer.absent_since >= limit) continue;
    for (const auto& [group, membership] : peer.shares) gone.emplace_back(group->kept.id, id);
  }
  for (const auto& [group, peer] : gone) Drop(groups_.at(group), peers_.at(peer));
}

std::optional<Share> Roster::PickShare(const PeerId& peer, uint64_t random) const {
  MutexLock lock(mutex_);
  std::vector<std::pair<const Group*, Place>> doubted, all;
  ForEachIn(peer, "", [&](const Group& group, const Membership& membership) {
    all.emplace_back(&group, membership.place);
    if (!membership.is_trusted) doubted.push_back(all.back());
  });
  const auto& from = doubted.empty() ? all : doubted;
  if (from.empty()) return std::nullopt;
  const auto& [group, place] = from[random % from.size()];
  return Share{group->kept.id, place};
}

absl::Status Roster::Load(State& state) {
  return ForEachRow(state, kRows, kRowsAtOnce, [this](const State::Row& row) {
    const auto group = Multihash::FromBinary(AsBytes(row.key).subspan(sizeof kRows - 1));
    std::optional<Saved> members = ReadRow(AsBytes(row.value));
    MutexLock lock(mutex_);
    if (group.ok() && members) loaded_[*group] = *std::move(members);
    return absl::OkStatus();
  });
}

absl::Status Roster::Save(State& state) {
  std::vector<State::Change> changes;
  {
    MutexLock lock(mutex_);
    for (const Multihash& id : unsaved_) {
      State::Change change{absl::StrCat(kRows, id.bytes()), std::nullopt};
      if (const auto found = groups_.find(id); found != groups_.end()) {
        std::string& row = change.value.emplace();
        for (const auto& [peer, share] : found->second.members) {
          if (!share->is_trusted) continue;
          AppendVarint(share->place, row);
          AppendVarint(peer->id.bytes().size(), row);
          row += peer->id.bytes();
        }
      }
      changes.push_back(std::move(change));
    }
    unsaved_.clear();
  }
  if (changes.empty()) return absl::OkStatus();
  return state.Commit(changes);
}

}  // namespace l2p::keeper
