// row := "score/" peer id -> field 1 varint (zigzag of the score in thousandths)
//                            field 2 varint (when, Unix seconds)
//                            fields 3 to 8 varint (served bytes, wrong, refusals, timeouts, audits
//                            passed, audits failed)
#include "kernel/network/peer_scores.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "l2p/protobuf_wire.h"

namespace l2p {
namespace {

constexpr char kRows[] = "score/";
constexpr size_t kRowsAtOnce = 256;
constexpr double kThousandths = 1000;
constexpr uint64_t kServedUnit = 1 << 20;
// Being full or away is no fraud: it makes a peer less liked, never shunned.
constexpr double kWorstOfTheHonest = -40;

struct Weight {
  double points;
  double floor;
  uint64_t PeerScores::Opinion::*count;
};

Weight WeightOf(Conduct conduct) {
  using Opinion = PeerScores::Opinion;
  switch (conduct) {
    case Conduct::kServed:
      return {1.0 / kServedUnit, PeerScores::kWorst, &Opinion::served_bytes};
    case Conduct::kWrongBytes:
      return {-60, PeerScores::kWorst, &Opinion::wrong};
    case Conduct::kRefused:
      return {-1, kWorstOfTheHonest, &Opinion::refusals};
    case Conduct::kTimedOut:
      return {-5, kWorstOfTheHonest, &Opinion::timeouts};
    case Conduct::kAuditPassed:
      return {1, PeerScores::kWorst, &Opinion::audits_passed};
    case Conduct::kAuditFailed:
      return {-30, PeerScores::kWorst, &Opinion::audits_failed};
  }
  return {0, PeerScores::kWorst, &Opinion::served_bytes};
}

constexpr uint64_t PeerScores::Opinion::*kCounts[] = {
    &PeerScores::Opinion::served_bytes,  &PeerScores::Opinion::wrong,
    &PeerScores::Opinion::refusals,      &PeerScores::Opinion::timeouts,
    &PeerScores::Opinion::audits_passed, &PeerScores::Opinion::audits_failed,
};

uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

}  // namespace

absl::Status PeerScores::Load() {
  return ForEachRow(state_, kRows, kRowsAtOnce, [this](const State::Row& row) {
    const auto peer = PeerId::FromBinary(AsBytes(row.key).subspan(sizeof kRows - 1));
    Entry entry;
    if (!peer.ok() || !Decode(row.value, entry)) return absl::OkStatus();
    MutexLock lock(mutex_);
    if (entries_.size() < kMostPeers) entries_[*peer] = entry;
    return absl::OkStatus();
  });
}

absl::Status PeerScores::Save() {
  std::vector<State::Change> changes;
  {
    MutexLock lock(mutex_);
    for (const PeerId& peer : unsaved_) {
      const auto found = entries_.find(peer);
      State::Change change{absl::StrCat(kRows, peer.bytes()), std::nullopt};
      if (found != entries_.end()) change.value = Encode(found->second);
      changes.push_back(std::move(change));
    }
    unsaved_.clear();
  }
  return changes.empty() ? absl::OkStatus() : state_.Commit(changes);
}

void PeerScores::Note(const PeerId& peer, Conduct conduct, uint64_t amount) {
  const Weight weight = WeightOf(conduct);
  const Time now = runtime_.Now();
  MutexLock lock(mutex_);
  Entry& entry = entries_[peer];
  const double before = Faded(entry, now);
  double after = before + weight.points * static_cast<double>(amount);
  // What is below the floor for worse reasons stays there.
  if (weight.points < 0) after = std::max(after, std::min(before, weight.floor));
  entry.opinion.score = std::clamp(after, kWorst, kBest);
  entry.opinion.*weight.count += amount;
  entry.at = now;
  unsaved_.insert(peer);
  if (entries_.size() > kMostPeers) ForgetOne(peer, now);
}

double PeerScores::Score(const PeerId& peer) { return Find(peer).score; }

PeerScores::Opinion PeerScores::Find(const PeerId& peer) {
  const Time now = runtime_.Now();
  MutexLock lock(mutex_);
  const auto found = entries_.find(peer);
  if (found == entries_.end()) return {};
  Opinion opinion = found->second.opinion;
  opinion.score = Faded(found->second, now);
  return opinion;
}

std::vector<std::pair<PeerId, PeerScores::Opinion>> PeerScores::All() {
  const Time now = runtime_.Now();
  MutexLock lock(mutex_);
  std::vector<std::pair<PeerId, Opinion>> all;
  all.reserve(entries_.size());
  for (const auto& [peer, entry] : entries_) {
    all.emplace_back(peer, entry.opinion);
    all.back().second.score = Faded(entry, now);
  }
  return all;
}

double PeerScores::Faded(const Entry& entry, Time now) {
  if (entry.opinion.score == 0) return 0;
  const double age = absl::FDivDuration(std::max(now - entry.at, absl::ZeroDuration()), kHalfLife);
  return entry.opinion.score * std::exp2(-age);
}

void PeerScores::ForgetOne(const PeerId& but, Time now) {
  auto least = entries_.end();
  for (auto it = entries_.begin(); it != entries_.end(); ++it) {
    if (it->first == but) continue;
    if (least == entries_.end() ||
        std::abs(Faded(it->second, now)) < std::abs(Faded(least->second, now))) {
      least = it;
    }
  }
  unsaved_.insert(least->first);
  entries_.erase(least);
}

std::string PeerScores::Encode(const Entry& entry) {
  std::string out;
  const int64_t thousandths = std::llround(entry.opinion.score * kThousandths);
  AppendWireVarint(1, ZigZag(thousandths), out);
  AppendWireVarint(2, static_cast<uint64_t>(absl::ToUnixSeconds(entry.at)), out);
  uint32_t number = 3;
  for (const auto count : kCounts) AppendWireVarint(number++, entry.opinion.*count, out);
  return out;
}

bool PeerScores::Decode(const std::string& value, Entry& entry) {
  ByteView rest = AsBytes(value);
  while (!rest.empty()) {
    const std::optional<WireField> field = TakeWireField(rest);
    if (!field) return false;
    if (field->number == 1) {
      entry.opinion.score = static_cast<double>(UnZigZag(field->value)) / kThousandths;
    } else if (field->number == 2) {
      entry.at = absl::FromUnixSeconds(static_cast<int64_t>(field->value));
    } else if (field->number >= 3 && field->number < 3 + std::size(kCounts)) {
      entry.opinion.*kCounts[field->number - 3] = field->value;
    }
  }
  return true;
}

}  // namespace l2p
