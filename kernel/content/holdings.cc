#include "kernel/content/holdings.h"

#include <algorithm>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include "kernel/content/holdings_rows.h"

namespace l2p {
namespace {

constexpr size_t kIdsAtOnce = 1024;

uint64_t Fingerprint(const Multihash& id) { return absl::Hash<Multihash>()(id); }

}  // namespace

Holdings::Holdings(Runtime& runtime, State& state, BlockService& blocks, PeerId self,
                   ShareLimits limits)
    : runtime_(runtime),
      state_(state),
      blocks_(blocks),
      self_(std::move(self)),
      shares_(limits),
      turns_(runtime) {}

Shares::Load Holdings::Row::load() const {
  return {held.bytes + blocks * BlockService::kOverheadPerBlock + record_bytes, blocks};
}

absl::Status Holdings::Open() {
  L2P_RETURN_IF_ERROR(ReadPromises());
  L2P_RETURN_IF_ERROR(ReadRoots());
  L2P_RETURN_IF_ERROR(ReleaseStale());
  absl::StatusOr<std::string> dirty = state_.Get(kDirtyRow);
  if (dirty.ok()) return ReclaimLeftovers();
  if (!absl::IsNotFound(dirty.status())) return dirty.status();
  const State::Change mark{kDirtyRow, std::string()};
  return state_.Commit({&mark, 1});
}

absl::Status Holdings::Close() {
  const State::Change unmark{kDirtyRow, std::nullopt};
  return state_.Commit({&unmark, 1});
}

absl::Status Holdings::ReadPromises() {
  return ForEachValue(state_, kPromiseRows,
                      [this](const std::string& row, const std::string& value) -> absl::Status {
                        const std::optional<Key> key = ParsePromiseKey(row);
                        if (!key)
                          return absl::DataLossError("state row of a promise has a bad key");
                        L2P_ASSIGN_OR_RETURN(Promise promise, Promise::Decode(value));
                        CountReferences(promise, +1);
                        Remember(*key, promise);
                        return absl::OkStatus();
                      });
}

absl::Status Holdings::ReadRoots() {
  L2P_ASSIGN_OR_RETURN(std::vector<Root> roots, Roots());
  for (const Root& root : roots) Want(root.groups);
  return absl::OkStatus();
}

// Ends what has expired, what a put that was interrupted had committed before it had a root, and,
// on a store that forgets, what is no longer there.
absl::Status Holdings::ReleaseStale() {
  L2P_RETURN_IF_ERROR(ReleaseExpired());
  for (const HeldGroup& held : HeldFor(self_)) L2P_RETURN_IF_ERROR(ReleaseUnwanted(held.group));
  if (blocks_.Usage().durable) return absl::OkStatus();
  L2P_ASSIGN_OR_RETURN(std::vector<Key> incomplete, Incomplete());
  for (const Key& key : incomplete) L2P_RETURN_IF_ERROR(ReleaseInTurn(key));
  L2P_ASSIGN_OR_RETURN(std::vector<Root> roots, Roots());
  for (const Root& root : roots) {
    const bool lost = std::any_of(root.groups.begin(), root.groups.end(), [this](const auto& id) {
      return absl::IsNotFound(FindGroup(id).status());
    });
    if (lost && root.local_only) L2P_RETURN_IF_ERROR(RemoveRoot(root.id));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Holdings::Key>> Holdings::Incomplete() {
  std::vector<Key> keys;
  {
    MutexLock lock(mutex_);
    for (const auto& [key, row] : held_) keys.push_back(key);
  }
  std::vector<Key> incomplete;
  for (const Key& key : keys) {
    L2P_ASSIGN_OR_RETURN(const bool whole, IsWhole(key));
    if (!whole) incomplete.push_back(key);
  }
  return incomplete;
}

absl::StatusOr<bool> Holdings::IsWhole(const Key& key) {
  L2P_ASSIGN_OR_RETURN(std::optional<Promise> promise, LoadPromise(key));
  if (!promise) return false;
  const std::vector<Multihash> ids = promise->BlockIds();
  std::vector<int64_t> sizes(ids.size());
  L2P_RETURN_IF_ERROR(blocks_.Has(ids, sizes));
  return std::all_of(sizes.begin(), sizes.end(), [](int64_t size) { return size >= 0; });
}

absl::Status Holdings::ReclaimLeftovers() {
  std::string token;
  do {
    L2P_ASSIGN_OR_RETURN(BlockStore::Page page, blocks_.Scan(token, kIdsAtOnce));
    L2P_RETURN_IF_ERROR(ReclaimUnneeded(page.ids));
    token = std::move(page.token);
  } while (!token.empty());
  return absl::OkStatus();
}

absl::StatusOr<Reservation> Holdings::Admit(const Group& group, const PeerId& owner,
                                            const std::string& network, size_t record_bytes) {
  Row row{{group.id, owner, {}, group.bytes()}, network, 0, record_bytes};
  row.blocks = group.nodes.size() + group.leaves.size();
  Shares::Load load = row.load();
  if (blocks_.Usage().disk_bytes + load.bytes > blocks_.quota()) {
    L2P_RETURN_IF_ERROR(ReleaseExpired());
    const uint64_t used = blocks_.Usage().disk_bytes;
    if (used + load.bytes > blocks_.quota()) {
      return absl::ResourceExhaustedError(
          absl::StrCat("storage.quota: ", used, " of ", blocks_.quota(), " bytes are used"));
    }
  }
  if (owner == self_) return Reservation();
  {
    MutexLock lock(mutex_);
    if (const auto found = held_.find({group.id, owner}); found != held_.end()) {
      const Shares::Load before = found->second.load();
      load.bytes -= std::min(load.bytes, before.bytes);
      load.blocks -= std::min(load.blocks, before.blocks);
    }
  }
  return Reservation::Make(shares_, owner, network, load);
}

absl::StatusOr<Time> Holdings::LeaseUntil(Time until) const {
  const Time now = runtime_.Now();
  if (until <= now) return absl::InvalidArgumentError("the lease has ended already");
  return std::min(until, now + shares_.limits().longest);
}

absl::Status Holdings::Commit(const Group& group, const Terms& terms) {
  return Commit({&group, 1}, terms);
}

absl::Status Holdings::Commit(std::span<const Group> groups, const Terms& terms) {
  std::map<std::string, const Group*> by_row;
  for (const Group& group : groups) by_row[PromiseKey(group.id, terms.owner)] = &group;
  std::vector<std::string> rows;
  for (const auto& [row, group] : by_row) rows.push_back(row);
  RowTurns::Turn turn(turns_, rows);
  L2P_RETURN_IF_ERROR(blocks_.Sync());

  struct Update {
    Key key;
    std::optional<Promise> before;
    Promise after;
  };
  std::vector<Update> updates;
  std::vector<State::Change> changes;
  for (const auto& [row, group] : by_row) {
    Update update{{group->id, terms.owner},
                  {},
                  Promise::Of(*group, terms.until, terms.record, terms.network)};
    L2P_ASSIGN_OR_RETURN(update.before, LoadPromise(update.key));
    if (update.before) {
      update.after.until = std::max(terms.until, update.before->until);
      update.after.Add(*update.before);
      L2P_RETURN_IF_ERROR(AppendRemoval(state_, row, changes));
    }
    AppendWrite(row, update.after.Encode(), changes);
    updates.push_back(std::move(update));
  }

  // Counted before they are durable: whoever reclaims meanwhile leaves the blocks alone.
  for (const Update& update : updates) CountReferences(update.after, +1);
  if (absl::Status status = state_.Commit(changes); !status.ok()) {
    for (const Update& update : updates) CountReferences(update.after, -1);
    return status;
  }
  for (const Update& update : updates) {
    if (update.before) {
      CountReferences(*update.before, -1);
      Forget(update.key);
    }
    Remember(update.key, update.after);
  }
  return absl::OkStatus();
}

absl::StatusOr<Time> Holdings::Renew(const Multihash& group, const PeerId& owner, Time until) {
  const std::string row = PromiseKey(group, owner);
  RowTurns::Turn turn(turns_, {row});
  L2P_ASSIGN_OR_RETURN(std::optional<Promise> promise, LoadPromise({group, owner}));
  if (!promise) {
    return absl::NotFoundError(
        absl::StrCat("group ", group.ToString(), " is not held for ", owner.ToString()));
  }
  if (until <= promise->until) return promise->until;
  promise->until = until;
  std::vector<State::Change> changes;
  L2P_RETURN_IF_ERROR(AppendRemoval(state_, row, changes));
  AppendWrite(row, promise->Encode(), changes);
  L2P_RETURN_IF_ERROR(state_.Commit(changes));
  MutexLock lock(mutex_);
  held_.at({group, owner}).held.until = until;
  return until;
}

absl::Status Holdings::Release(const Multihash& group, const PeerId& pusher) {
  RowTurns::Turn turn(turns_, {PromiseKey(group, pusher)});
  return ReleaseInTurn({group, pusher});
}

absl::Status Holdings::ReleaseInTurn(const Key& key) {
  L2P_ASSIGN_OR_RETURN(std::optional<Promise> promise, LoadPromise(key));
  if (!promise) {
    return absl::NotFoundError(
        absl::StrCat("group ", key.first.ToString(), " is not held for ", key.second.ToString()));
  }
  std::vector<State::Change> changes;
  L2P_RETURN_IF_ERROR(AppendRemoval(state_, PromiseKey(key.first, key.second), changes));
  L2P_RETURN_IF_ERROR(state_.Commit(changes));
  CountReferences(*promise, -1);
  Forget(key);
  return ReclaimUnneeded(promise->BlockIds());
}

absl::Status Holdings::ReleaseExpired() {
  const Time now = runtime_.Now();
  std::vector<Key> expired;
  {
    MutexLock lock(mutex_);
    for (const auto& [key, row] : held_) {
      if (row.held.until <= now) expired.push_back(key);
    }
  }
  for (const Key& key : expired) {
    RowTurns::Turn turn(turns_, {PromiseKey(key.first, key.second)});
    L2P_ASSIGN_OR_RETURN(std::optional<Promise> promise, LoadPromise(key));
    if (promise && promise->until <= now) L2P_RETURN_IF_ERROR(ReleaseInTurn(key));
  }
  return absl::OkStatus();
}

absl::Status Holdings::ReclaimUnneeded(std::span<const Multihash> ids) {
  return blocks_.Reclaim(ids, [this](const Multihash& id) {
    MutexLock lock(mutex_);
    return references_.contains(Fingerprint(id));
  });
}

std::vector<Multihash> Holdings::UnneededOf(std::span<const Multihash> ids) const {
  std::vector<Multihash> unneeded;
  MutexLock lock(mutex_);
  for (const Multihash& id : ids) {
    if (!references_.contains(Fingerprint(id))) unneeded.push_back(id);
  }
  return unneeded;
}

bool Holdings::IsWanted(const Multihash& group) const {
  MutexLock lock(mutex_);
  return wanted_.contains(group);
}

absl::Status Holdings::AddRoot(const Root& root) {
  const std::string row = RootKey(root.id);
  RowTurns::Turn turn(turns_, {row});
  std::vector<Multihash> before;
  std::vector<State::Change> changes;
  Root added = root;
  if (absl::StatusOr<std::string> old = ReadValue(state_, row); old.ok()) {
    L2P_ASSIGN_OR_RETURN(Root old_root, DecodeRoot(*old));
    before = std::move(old_root.groups);
    if (added.name.empty()) added.name = std::move(old_root.name);
    added.pinned |= old_root.pinned;
    added.is_file |= old_root.is_file;
    L2P_RETURN_IF_ERROR(AppendRemoval(state_, row, changes));
  } else if (!absl::IsNotFound(old.status())) {
    return old.status();
  }
  AppendWrite(row, EncodeRoot(added), changes);
  Want(root.groups);
  if (absl::Status status = state_.Commit(changes); !status.ok()) {
    Unwant(root.groups).IgnoreError();  // The failed commit is what the caller needs to know.
    return status;
  }
  return Unwant(before);
}

absl::Status Holdings::UpdateRoot(const Root& root) {
  const std::string row = RootKey(root.id);
  RowTurns::Turn turn(turns_, {row});
  const absl::StatusOr<std::string> before = ReadValue(state_, row);
  if (!before.ok()) return WithContext(before.status(), absl::StrCat("root ", root.id.ToString()));
  std::vector<State::Change> changes;
  L2P_RETURN_IF_ERROR(AppendRemoval(state_, row, changes));
  AppendWrite(row, EncodeRoot(root), changes);
  return state_.Commit(changes);
}

absl::Status Holdings::RemoveRoot(const Cid& id, std::vector<State::Change> also) {
  const std::string row = RootKey(id);
  RowTurns::Turn turn(turns_, {row});
  absl::StatusOr<std::string> value = ReadValue(state_, row);
  if (!value.ok()) return WithContext(value.status(), absl::StrCat("root ", id.ToString()));
  L2P_ASSIGN_OR_RETURN(Root root, DecodeRoot(*value));
  std::vector<State::Change> changes = std::move(also);
  L2P_RETURN_IF_ERROR(AppendRemoval(state_, row, changes));
  L2P_RETURN_IF_ERROR(state_.Commit(changes));
  return Unwant(root.groups);
}

absl::StatusOr<std::vector<Root>> Holdings::Roots() const {
  std::vector<Root> roots;
  L2P_RETURN_IF_ERROR(ForEachValue(
      state_, kRootRows, [&](const std::string& row, const std::string& value) -> absl::Status {
        L2P_ASSIGN_OR_RETURN(Root root, DecodeRoot(value));
        L2P_ASSIGN_OR_RETURN(root.id, Cid::FromBinary(AsBytes(row).subspan(sizeof kRootRows - 1)));
        roots.push_back(std::move(root));
        return absl::OkStatus();
      }));
  std::stable_sort(roots.begin(), roots.end(),
                   [](const Root& a, const Root& b) { return a.added < b.added; });
  return roots;
}

void Holdings::Want(std::span<const Multihash> groups) {
  MutexLock lock(mutex_);
  for (const Multihash& group : groups) ++wanted_[group];
}

absl::Status Holdings::Unwant(std::span<const Multihash> groups) {
  {
    MutexLock lock(mutex_);
    for (const Multihash& group : groups) {
      auto found = wanted_.find(group);
      if (--found->second == 0) wanted_.erase(found);
    }
  }
  absl::Status result;
  for (const Multihash& group : groups) result.Update(ReleaseUnwanted(group));
  return result;
}

absl::Status Holdings::ReleaseUnwanted(const Multihash& group) {
  RowTurns::Turn turn(turns_, {PromiseKey(group, self_)});
  {
    MutexLock lock(mutex_);
    if (wanted_.contains(group) || !held_.contains({group, self_})) return absl::OkStatus();
  }
  return ReleaseInTurn({group, self_});
}

absl::StatusOr<std::optional<Promise>> Holdings::LoadPromise(const Key& key) const {
  absl::StatusOr<std::string> value = ReadValue(state_, PromiseKey(key.first, key.second));
  if (absl::IsNotFound(value.status())) return std::nullopt;
  if (!value.ok()) return value.status();
  return Promise::Decode(*value);
}

void Holdings::Remember(const Key& key, const Promise& promise) {
  Row row{{key.first, key.second, promise.until, 0}, promise.network, 0, promise.record.size()};
  for (const BlockRef& block : promise.Blocks()) {
    row.held.bytes += block.size;
    ++row.blocks;
  }
  shares_.Add(key.second, row.network, row.load());
  MutexLock lock(mutex_);
  held_[key] = std::move(row);
}

void Holdings::Forget(const Key& key) {
  Row row;
  {
    MutexLock lock(mutex_);
    const auto found = held_.find(key);
    if (found == held_.end()) return;
    row = std::move(found->second);
    held_.erase(found);
  }
  shares_.Remove(key.second, row.network, row.load());
}

void Holdings::CountReferences(const Promise& promise, int by) {
  const std::vector<BlockRef> blocks = promise.Blocks();
  MutexLock lock(mutex_);
  for (const BlockRef& block : blocks) {
    auto [found, added] = references_.try_emplace(Fingerprint(block.id), 0);
    if ((found->second += by) == 0) references_.erase(found);
  }
}

}  // namespace l2p
