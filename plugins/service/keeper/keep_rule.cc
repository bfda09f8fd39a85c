#include "keep_rule.h"

#include <algorithm>
#include <set>

namespace l2p::keeper {
namespace {

bool IsGone(const MemberView& member, Time now, Duration grace) {
  return !member.within_reach() && now - member.absent_since >= grace;
}

}  // namespace

size_t KeepRule::Threshold(size_t needed, size_t holders) const {
  const size_t margin = holders - needed;
  const size_t level = needed + margin * margin_thousandths / 1000;
  return std::min(level, holders == 0 ? 0 : holders - 1);
}

size_t KeepRule::UrgentLevel(size_t needed, size_t holders) const {
  const size_t threshold = std::max(needed, Threshold(needed, holders));
  return needed + (threshold - needed + 1) / 2;
}

Census Count(std::span<const MemberView> members, Time now, Duration grace) {
  Census census;
  std::set<Place> reached, counted;
  for (const MemberView& member : members) {
    if (!member.trusted || IsGone(member, now, grace)) continue;
    const bool is_new = member.place == kWhole || counted.insert(member.place).second;
    census.counted += is_new;
    if (!member.within_reach()) continue;
    census.within_reach += member.place == kWhole || reached.insert(member.place).second;
  }
  return census;
}

Verdict Judge(const KeepRule& rule, const Redundancy& spec, std::span<const MemberView> members,
              Time now) {
  Verdict verdict;
  verdict.needed = spec.needed;
  verdict.holders = spec.holders;
  verdict.threshold = rule.Threshold(spec.needed, spec.holders);
  verdict.grace = rule.grace;
  verdict.census = Count(members, now, rule.grace);
  if (verdict.census.within_reach <= rule.UrgentLevel(spec.needed, spec.holders)) {
    verdict.grace = rule.grace / 4;
    verdict.census = Count(members, now, verdict.grace);
  }
  verdict.repair_due = verdict.census.counted <= verdict.threshold;
  return verdict;
}

std::vector<Place> MissingPlaces(const Redundancy& spec, std::span<const MemberView> members,
                                 Time now, Duration grace) {
  std::vector<Place> missing;
  if (!spec.coded()) {
    const size_t counted = Count(members, now, grace).counted;
    if (counted < spec.holders) missing.assign(spec.holders - counted, kWhole);
    return missing;
  }
  std::set<Place> taken;
  for (const MemberView& member : members) {
    if (member.trusted && !IsGone(member, now, grace)) taken.insert(member.place);
  }
  for (size_t place = 0; place < spec.holders; ++place) {
    if (!taken.contains(static_cast<Place>(place))) missing.push_back(static_cast<Place>(place));
  }
  return missing;
}

Sha256Digest OrderOf(const Crypto& crypto, const Multihash& group, const PeerId& peer) {
  const ByteView both[] = {group.binary(), peer.binary()};
  return crypto.Sha256(both);
}

size_t RankOf(const Crypto& crypto, const Multihash& group, const PeerId& self,
              std::span<const MemberView> members) {
  const Sha256Digest own = OrderOf(crypto, group, self);
  return static_cast<size_t>(
      std::count_if(members.begin(), members.end(), [&](const MemberView& member) {
        return member.peer != self && member.trusted && member.within_reach() &&
               OrderOf(crypto, group, member.peer) < own;
      }));
}

}  // namespace l2p::keeper
