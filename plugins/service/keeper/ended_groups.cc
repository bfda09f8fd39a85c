// Rows of the State: "e/" group (multihash) -> uvarint ended  uvarint until  (Unix seconds; until
// 0: for ever)
#include "ended_groups.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "l2p/varint.h"

namespace l2p::keeper {
namespace {

constexpr char kRows[] = "e/";
constexpr size_t kRowsAtOnce = 256;

uint64_t SecondsOf(Time time) {
  return time == absl::InfiniteFuture() ? 0 : static_cast<uint64_t>(absl::ToUnixSeconds(time));
}

}  // namespace

void EndedGroups::Hold(const Multihash& group, Time until) {
  MutexLock lock(mutex_);
  until_[group] = until;
  Erase(group);
}

void EndedGroups::Drop(const Multihash& group, Time now) {
  MutexLock lock(mutex_);
  const auto held = until_.find(group);
  if (held == until_.end()) return;
  const Time until = held->second;
  until_.erase(held);
  if (now >= until) return;
  Insert(group, {now, until});
  unsaved_.insert(group);
}

bool EndedGroups::Contains(const Multihash& group, Time now) const {
  MutexLock lock(mutex_);
  const auto found = ended_.find(group);
  return found != ended_.end() && now < found->second.until;
}

size_t EndedGroups::size() const {
  MutexLock lock(mutex_);
  return ended_.size();
}

void EndedGroups::Insert(const Multihash& group, const Ended& ended) {
  Erase(group);
  if (ended_.size() >= kMost) Erase(Multihash(order_.begin()->second));
  ended_[group] = ended;
  order_.emplace(ended.at, group);
}

void EndedGroups::Erase(const Multihash& group) {
  const auto found = ended_.find(group);
  if (found == ended_.end()) return;
  order_.erase({found->second.at, group});
  ended_.erase(found);
  unsaved_.insert(group);
}

absl::Status EndedGroups::Load(State& state) {
  return ForEachRow(state, kRows, kRowsAtOnce, [this](const State::Row& row) {
    const auto group = Multihash::FromBinary(AsBytes(row.key).subspan(sizeof kRows - 1));
    ByteView value = AsBytes(row.value);
    const std::optional<uint64_t> at = TakeVarint(value);
    const std::optional<uint64_t> until = TakeVarint(value);
    if (!group.ok() || !at || !until) return absl::OkStatus();
    MutexLock lock(mutex_);
    Insert(*group, {absl::FromUnixSeconds(static_cast<int64_t>(*at)),
                    *until == 0 ? absl::InfiniteFuture()
                                : absl::FromUnixSeconds(static_cast<int64_t>(*until))});
    return absl::OkStatus();
  });
}

absl::Status EndedGroups::Save(State& state, Time now) {
  std::vector<State::Change> changes;
  std::set<Multihash> saved;
  {
    MutexLock lock(mutex_);
    std::vector<Multihash> over;
    for (const auto& [group, ended] : ended_) {
      if (ended.until <= now) over.push_back(group);
    }
    for (const Multihash& group : over) Erase(group);
    saved = std::exchange(unsaved_, {});
    for (const Multihash& group : saved) {
      State::Change change{absl::StrCat(kRows, group.bytes()), std::nullopt};
      if (const auto found = ended_.find(group); found != ended_.end()) {
        std::string& row = change.value.emplace();
        AppendVarint(SecondsOf(found->second.at), row);
        AppendVarint(SecondsOf(found->second.until), row);
      }
      changes.push_back(std::move(change));
    }
  }
  if (changes.empty()) return absl::OkStatus();
  absl::Status status = state.Commit(changes);
  if (!status.ok()) {
    MutexLock lock(mutex_);
    unsaved_.merge(saved);
  }
  return status;
}

}  // namespace l2p::keeper
