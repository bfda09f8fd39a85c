#include "memory_store.h"

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

uint64_t Footprint(const Multihash& id, size_t size) { return id.bytes().size() + size; }

}  // namespace

absl::Status MemoryStore::PutBlock(const Block& block) {
  const uint64_t footprint = Footprint(block.id, block.data.size());
  {
    MutexLock lock(mutex_);
    if (blocks_.contains(block.id)) return absl::OkStatus();
    if (taken_ + footprint > capacity_) {
      return absl::ResourceExhaustedError(absl::StrCat("memory store: ", block.data.size(),
                                                       " bytes over the capacity of ", capacity_));
    }
  }
  // A copy: the caller's Bytes would pin the node's memory budget for as long as the block lives.
  Bytes copy = Bytes::Copy(block.data.view());
  MutexLock lock(mutex_);
  if (taken_ + footprint > capacity_ && !blocks_.contains(block.id)) {
    return absl::ResourceExhaustedError("memory store: another block took the last room");
  }
  if (blocks_.emplace(block.id, std::move(copy)).second) {
    bytes_ += block.data.size();
    taken_ += footprint;
  }
  return absl::OkStatus();
}

void MemoryStore::Put(std::span<const Block> blocks, std::span<absl::Status> out) {
  for (size_t i = 0; i < blocks.size(); ++i) out[i] = PutBlock(blocks[i]);
}

void MemoryStore::Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) {
  MutexLock lock(mutex_);
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto found = blocks_.find(ids[i]);
    if (found == blocks_.end()) {
      out[i] = absl::NotFoundError(absl::StrCat("block ", ids[i].ToString(), ": not in memory"));
    } else {
      out[i] = found->second;
    }
  }
}

absl::Status MemoryStore::Has(std::span<const Multihash> ids, std::span<int64_t> out) {
  MutexLock lock(mutex_);
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto found = blocks_.find(ids[i]);
    out[i] = found == blocks_.end() ? -1 : static_cast<int64_t>(found->second.size());
  }
  return absl::OkStatus();
}

void MemoryStore::Delete(std::span<const Multihash> ids, std::span<absl::Status> out) {
  MutexLock lock(mutex_);
  for (size_t i = 0; i < ids.size(); ++i) {
    out[i] = absl::OkStatus();
    const auto found = blocks_.find(ids[i]);
    if (found == blocks_.end()) continue;
    bytes_ -= found->second.size();
    taken_ -= Footprint(found->first, found->second.size());
    blocks_.erase(found);
  }
}

absl::StatusOr<BlockStore::Page> MemoryStore::Scan(const std::string& token, size_t most) {
  Multihash after;
  if (!token.empty()) {
    absl::StatusOr<Multihash> parsed = Multihash::FromBinary(AsBytes(token));
    if (!parsed.ok()) return WithContext(parsed.status(), "scan token");
    after = *std::move(parsed);
  }
  if (most == 0) return absl::InvalidArgumentError("scan: a page of no ids");
  Page page;
  MutexLock lock(mutex_);
  auto next = token.empty() ? blocks_.begin() : blocks_.upper_bound(after);
  for (; next != blocks_.end() && page.ids.size() < most; ++next) page.ids.push_back(next->first);
  if (next != blocks_.end()) page.token = page.ids.back().bytes();
  return page;
}

BlockStore::StoreUsage MemoryStore::Usage() {
  MutexLock lock(mutex_);
  return {.blocks = blocks_.size(), .bytes = bytes_, .disk_bytes = taken_, .durable = false};
}

}  // namespace l2p
