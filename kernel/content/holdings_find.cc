// What Holdings tells of its rows.
#include "absl/strings/str_cat.h"
#include "kernel/content/holdings.h"

namespace l2p {

absl::StatusOr<HeldGroups::Content> Holdings::FindContent(const Multihash& group) const {
  std::optional<Key> with_record;
  {
    MutexLock lock(mutex_);
    for (auto it = held_.lower_bound({group, PeerId()});
         it != held_.end() && it->first.first == group && !with_record; ++it) {
      if (it->second.record_bytes > 0) with_record = it->first;
    }
  }
  return with_record ? ContentOf(*with_record) : FindOwnFirst(group);
}

absl::StatusOr<Group> Holdings::FindGroup(const Multihash& group) const {
  L2P_ASSIGN_OR_RETURN(HeldGroups::Content content, FindOwnFirst(group));
  return std::move(content.blocks);
}

absl::StatusOr<HeldGroups::Content> Holdings::FindOwnFirst(const Multihash& group) const {
  Key key(group, self_);
  {
    MutexLock lock(mutex_);
    if (!held_.contains(key)) {
      auto found = held_.lower_bound({group, PeerId()});
      if (found == held_.end() || found->first.first != group) {
        return absl::NotFoundError(absl::StrCat("group ", group.ToString(), " is not held"));
      }
      key = found->first;
    }
  }
  return ContentOf(key);
}

absl::StatusOr<HeldGroups::Content> Holdings::ContentOf(const Key& key) const {
  L2P_ASSIGN_OR_RETURN(std::optional<Promise> promise, LoadPromise(key));
  if (!promise) {
    return absl::NotFoundError(absl::StrCat("group ", key.first.ToString(), " is not held"));
  }
  return HeldGroups::Content{promise->AsGroup(key.first), std::move(promise->record),
                             promise->until};
}

absl::StatusOr<std::vector<Holdings::HeldRecord>> Holdings::FindRecords(const Multihash& group,
                                                                        size_t most) const {
  std::vector<Key> keys;
  {
    MutexLock lock(mutex_);
    for (auto it = held_.lower_bound({group, PeerId()});
         it != held_.end() && it->first.first == group && keys.size() < most; ++it) {
      keys.push_back(it->first);
    }
  }
  std::vector<HeldRecord> records;
  for (const Key& key : keys) {
    L2P_ASSIGN_OR_RETURN(std::optional<Promise> promise, LoadPromise(key));
    if (promise && !promise->record.empty()) {
      records.push_back({key.second, std::move(promise->record)});
    }
  }
  return records;
}

std::vector<HeldGroup> Holdings::List(const Multihash& after, size_t most) const {
  MutexLock lock(mutex_);
  std::vector<HeldGroup> list;
  // PeerId() sorts first: past everything of the groups up to `after`.
  for (auto it = held_.lower_bound({after, PeerId()}); it != held_.end(); ++it) {
    if (it->first.first == after) continue;
    if (list.size() >= most && list.back().group != it->first.first) break;
    list.push_back(it->second.held);
  }
  return list;
}

std::vector<Multihash> Holdings::Groups() const {
  MutexLock lock(mutex_);
  std::vector<Multihash> groups;
  for (const auto& [key, row] : held_) {
    if (groups.empty() || groups.back() != key.first) groups.push_back(key.first);
  }
  return groups;
}

std::vector<HeldGroup> Holdings::HeldFor(const PeerId& pusher) const {
  MutexLock lock(mutex_);
  std::vector<HeldGroup> result;
  for (const auto& [key, row] : held_) {
    if (key.second == pusher) result.push_back(row.held);
  }
  return result;
}

}  // namespace l2p
