#include "disk_device.h"

#include "absl/strings/str_cat.h"

namespace l2p::testkit {
namespace {

constexpr size_t kMaxKey = 1024;
constexpr size_t kMaxValue = 1024 * 1024;

// The two plain outcomes often: arbitrary mixtures of many changes would seldom come near them.
Fate ChooseFate(SplitMix& random) {
  switch (random.Below(5)) {
    case 0:
      return Fate::kLost;
    case 1:
      return Fate::kKept;
    default:
      return Fate::kMixed;
  }
}

bool Happens(Fate fate, SplitMix& random) {
  return fate == Fate::kMixed ? random.Below(2) == 0 : fate == Fate::kKept;
}

void Put(DiskEntries& entries, const DiskFolder::Change& change) {
  if (!change.removed.empty()) entries.erase(change.removed);
  if (!change.added.empty()) entries[change.added] = change.entry;
}

void LinkAll(const DiskFolder& folder) {
  for (const auto& [name, entry] : folder.now) {
    if (entry.file != nullptr) entry.file->Link();
    if (entry.folder != nullptr) LinkAll(*entry.folder);
  }
}

bool HasPrefix(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

}  // namespace

void DiskFolder::Apply(Change change) {
  Put(now, change);
  unsynced.push_back(std::move(change));
}

void DiskFolder::Crash(Fate fate, SplitMix& random) {
  now = std::move(synced);
  for (const Change& change : unsynced) {
    if (Happens(fate, random)) Put(now, change);
  }
  unsynced.clear();
  for (auto& [name, entry] : now) {
    if (entry.file != nullptr) entry.file->Crash(fate, random);
    if (entry.folder != nullptr) entry.folder->Crash(fate, random);
  }
  synced = now;
}

DiskDevice::DiskDevice() = default;
DiskDevice::~DiskDevice() = default;

DiskDevice::Verdict DiskDevice::Begin(DiskOp op, uint64_t handle_generation,
                                      std::string_view what) {
  auto say = [&](std::string_view cause) { return absl::StrCat(av(what), ": ", av(cause)); };
  if (stopped) return {absl::AbortedError(say("the disk has no power")), Effect::kNone};
  if (handle_generation != generation) {
    return {absl::AbortedError(say("opened before the power cut")), Effect::kNone};
  }
  const auto sort = static_cast<size_t>(op);
  ++counts.of[sort];
  if (Failure& failure = failures[sort];
      failure.operations_left > 0 && --failure.operations_left == 0) {
    return {WithContext(failure.error, what), Effect::kPart};
  }
  if (op != DiskOp::kRead && changes_left > 0 && --changes_left == 0) {
    stopped = true;
    return {absl::AbortedError(say("the power went")), Effect::kAll};
  }
  return {absl::OkStatus(), Effect::kAll};
}

void DiskDevice::Crash(uint64_t seed) {
  MutexLock lock(mutex);
  SplitMix random(seed);
  const Fate fate = ChooseFate(random);
  root->Crash(fate, random);
  for (auto& [name, table] : tables) table->Crash(fate, random);
  space.used = 0;
  LinkAll(*root);
  ++generation;
  stopped = false;
  changes_left = 0;
  failures = {};
}

absl::StatusOr<std::string> DiskDevice::Table::Get(std::string_view key) {
  MutexLock lock(device_.mutex);
  L2P_RETURN_IF_ERROR(device_.Begin(DiskOp::kRead, device_.generation, name_).status);
  const auto row = rows_.find(key);
  if (row != rows_.end()) return row->second;
  return absl::NotFoundError(absl::StrCat("get from state ", name_, ": no such key"));
}

absl::StatusOr<std::vector<State::Row>> DiskDevice::Table::Scan(std::string_view prefix,
                                                                std::string_view after,
                                                                size_t most) {
  MutexLock lock(device_.mutex);
  L2P_RETURN_IF_ERROR(device_.Begin(DiskOp::kRead, device_.generation, name_).status);
  std::vector<Row> found;
  auto row = after < prefix ? rows_.lower_bound(prefix) : rows_.upper_bound(after);
  for (; row != rows_.end() && found.size() < most && HasPrefix(row->first, prefix); ++row) {
    found.push_back({row->first, row->second});
  }
  return found;
}

absl::Status DiskDevice::Table::Commit(std::span<const Change> changes) {
  for (const Change& change : changes) {
    if (change.key.size() > kMaxKey || (change.value && change.value->size() > kMaxValue)) {
      return absl::InvalidArgumentError(absl::StrCat("commit to state ", name_, ": a key over ",
                                                     kMaxKey, " bytes or a value over ",
                                                     kMaxValue));
    }
  }
  MutexLock lock(device_.mutex);
  const Verdict verdict = device_.Begin(DiskOp::kCommit, device_.generation, name_);
  if (!verdict.status.ok()) {
    if (verdict.effect == Effect::kAll) stopped_.assign(changes.begin(), changes.end());
    return verdict.status;
  }
  if (device_.space.used >= device_.space.capacity) {
    return absl::ResourceExhaustedError(
        absl::StrCat("commit to state ", name_, ": no space left on the disk"));
  }
  Apply(changes);
  return absl::OkStatus();
}

void DiskDevice::Table::Crash(Fate fate, SplitMix& random) {
  if (!stopped_.empty() && Happens(fate, random)) Apply(stopped_);
  stopped_.clear();
}

void DiskDevice::Table::Apply(std::span<const Change> changes) {
  for (const Change& change : changes) {
    if (change.value) {
      rows_[change.key] = *change.value;
    } else {
      rows_.erase(change.key);
    }
  }
}

}  // namespace l2p::testkit
