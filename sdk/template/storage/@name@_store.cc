#include "@name@_store.h"

namespace @name@ {

void @Name@Store::Put(std::span<const l2p::Block> blocks, std::span<absl::Status> out) {
  for (size_t i = 0; i < blocks.size(); ++i) {
    // A copy: the caller's Bytes would pin the node's memory budget for as long as the block lives.
    l2p::Bytes copy = l2p::Bytes::Copy(blocks[i].data.view());
    l2p::MutexLock lock(mutex_);
    out[i] = absl::OkStatus();
    if (blocks_.contains(blocks[i].id)) continue;
    if (bytes_ + copy.size() > capacity_) {
      // The error names the object and the cause; the store stays usable.
      out[i] = absl::ResourceExhaustedError("@name@ store: full");
      continue;
    }
    bytes_ += copy.size();
    blocks_.emplace(blocks[i].id, std::move(copy));
  }
}

void @Name@Store::Get(std::span<const l2p::Multihash> ids,
                      std::span<absl::StatusOr<l2p::Bytes>> out) {
  l2p::MutexLock lock(mutex_);
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto found = blocks_.find(ids[i]);
    if (found == blocks_.end()) {
      out[i] = absl::NotFoundError("@name@ store: no block " + ids[i].ToString());
    } else {
      out[i] = found->second;
    }
  }
}

absl::Status @Name@Store::Has(std::span<const l2p::Multihash> ids, std::span<int64_t> out) {
  l2p::MutexLock lock(mutex_);
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto found = blocks_.find(ids[i]);
    out[i] = found == blocks_.end() ? -1 : static_cast<int64_t>(found->second.size());
  }
  return absl::OkStatus();
}

void @Name@Store::Delete(std::span<const l2p::Multihash> ids, std::span<absl::Status> out) {
  l2p::MutexLock lock(mutex_);
  for (size_t i = 0; i < ids.size(); ++i) {
    out[i] = absl::OkStatus();
    const auto found = blocks_.find(ids[i]);
    if (found == blocks_.end()) continue;
    bytes_ -= found->second.size();
    blocks_.erase(found);
  }
}

// A token is the last id of the page before.
absl::StatusOr<l2p::BlockStore::Page> @Name@Store::Scan(const std::string& token, size_t most) {
  if (most == 0) return absl::InvalidArgumentError("@name@ store: a page of no ids");
  l2p::Multihash after;
  if (!token.empty()) {
    absl::StatusOr<l2p::Multihash> parsed = l2p::Multihash::FromBinary(l2p::AsBytes(token));
    if (!parsed.ok()) return parsed.status();
    after = *std::move(parsed);
  }
  Page page;
  l2p::MutexLock lock(mutex_);
  auto next = token.empty() ? blocks_.begin() : blocks_.upper_bound(after);
  for (; next != blocks_.end() && page.ids.size() < most; ++next) page.ids.push_back(next->first);
  if (next != blocks_.end()) page.token = page.ids.back().bytes();
  return page;
}

l2p::BlockStore::StoreUsage @Name@Store::Usage() {
  l2p::MutexLock lock(mutex_);
  return {.blocks = blocks_.size(), .bytes = bytes_, .disk_bytes = bytes_, .durable = false};
}

}  // namespace @name@
