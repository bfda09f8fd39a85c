#include "kernel/content/block_service.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

std::vector<Multihash> IdsOf(std::span<const Block> blocks) {
  std::vector<Multihash> ids;
  ids.reserve(blocks.size());
  for (const Block& block : blocks) ids.push_back(block.id);
  return ids;
}

absl::Status FirstError(std::span<const absl::Status> statuses, std::span<const Multihash> ids) {
  for (size_t i = 0; i < statuses.size(); ++i) {
    if (!statuses[i].ok()) {
      return WithContext(statuses[i], absl::StrCat("block ", ids[i].ToString()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

BlockService::BlockService(Runtime& runtime, PluginSlot<BlockStore>& store, const Hashers& hashers,
                           uint64_t quota_bytes)
    : store_(store), hashers_(hashers), quota_(quota_bytes), reclaimed_(runtime.NewEvent()) {}

BlockService::Operation::Operation(BlockService& service) : service_(service) {}

BlockService::Operation::~Operation() { ForgetAll(); }

absl::Status BlockService::Operation::Put(std::span<const Block> blocks) {
  const std::vector<Multihash> ids = IdsOf(blocks);
  service_.Hold(ids);
  for (const Multihash& id : ids) ++held_[id];
  return service_.Store(*service_.store_.Get(), blocks);
}

absl::Status BlockService::Operation::Has(std::span<const Multihash> ids, std::span<int64_t> out) {
  service_.Hold(ids);
  for (const Multihash& id : ids) ++held_[id];
  return service_.Has(ids, out);
}

void BlockService::Operation::Forget(const Multihash& id) {
  auto found = held_.find(id);
  if (found == held_.end()) return;
  service_.Drop(id, 1);
  if (--found->second == 0) held_.erase(found);
}

std::vector<Multihash> BlockService::Operation::ForgetAll() {
  std::vector<Multihash> ids;
  ids.reserve(held_.size());
  for (const auto& [id, times] : held_) {
    service_.Drop(id, times);
    ids.push_back(id);
  }
  held_.clear();
  std::sort(ids.begin(), ids.end());
  return ids;
}

void BlockService::Hold(std::span<const Multihash> ids) {
  Await(mutex_, *reclaimed_, absl::InfiniteFuture(), [&]() L2P_REQUIRES(mutex_) {
    if (!reclaiming_.empty()) {
      for (const Multihash& id : ids) {
        if (reclaiming_.contains(id)) return false;
      }
    }
    for (const Multihash& id : ids) ++in_flight_[id];
    return true;
  });
}

void BlockService::Drop(const Multihash& id, int times) {
  MutexLock lock(mutex_);
  auto found = in_flight_.find(id);
  if ((found->second -= times) == 0) in_flight_.erase(found);
}

absl::Status BlockService::Store(BlockStore& store, std::span<const Block> blocks) {
  uint64_t bytes = 0;
  for (const Block& block : blocks) {
    if (block.data.size() > kMaxBlock) {
      return absl::InvalidArgumentError(absl::StrCat(
          "block ", block.id.ToString(), ": ", block.data.size(), " bytes are over ", kMaxBlock));
    }
    bytes += block.data.size() + kOverheadPerBlock;
  }
  L2P_RETURN_IF_ERROR(Reserve(store, blocks, bytes));
  std::vector<absl::Status> statuses(blocks.size());
  store.Put(blocks, statuses);
  Unreserve(bytes);
  return FirstError(statuses, IdsOf(blocks));
}

absl::Status BlockService::Reserve(BlockStore& store, std::span<const Block> blocks,
                                   uint64_t bytes) {
  uint64_t reserved;
  {
    MutexLock lock(mutex_);
    reserved = reserved_ += bytes;
  }
  // Asked after the reservation: a Put that returns in between is counted twice, never not at all.
  const uint64_t used = store.Usage().disk_bytes;
  if (used + reserved <= quota_) return absl::OkStatus();

  // What is there already takes no room, so a full node can still put what it has.
  std::vector<int64_t> sizes(blocks.size(), -1);
  absl::Status status = store.Has(IdsOf(blocks), sizes);
  const bool all_present =
      std::all_of(sizes.begin(), sizes.end(), [](int64_t s) { return s >= 0; });
  if (status.ok() && all_present) return absl::OkStatus();
  Unreserve(bytes);
  L2P_RETURN_IF_ERROR(status);
  return absl::ResourceExhaustedError(absl::StrCat("storage.quota: ", used, " of ", quota_,
                                                   " bytes are used, ", reserved,
                                                   " more were to be stored"));
}

void BlockService::Unreserve(uint64_t bytes) {
  MutexLock lock(mutex_);
  reserved_ -= bytes;
}

absl::StatusOr<Bytes> BlockService::Get(const Multihash& id) { return GetOne(*store_.Get(), id); }

void BlockService::Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) {
  store_.Get()->Get(ids, out);
}

absl::Status BlockService::Has(std::span<const Multihash> ids, std::span<int64_t> out) {
  return store_.Get()->Has(ids, out);
}

BlockReader BlockService::Reader() {
  return [this](std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) {
    Get(ids, out);
  };
}

absl::Status BlockService::Sync() { return store_.Get()->Sync(); }

absl::Status BlockService::Reclaim(std::span<const Multihash> ids,
                                   const std::function<bool(const Multihash&)>& needed) {
  std::vector<Multihash> claimed;
  {
    MutexLock lock(mutex_);
    for (const Multihash& id : ids) {
      if (!in_flight_.contains(id) && reclaiming_.insert(id).second) claimed.push_back(id);
    }
  }
  std::vector<Multihash> unneeded;
  for (const Multihash& id : claimed) {
    if (!needed || !needed(id)) unneeded.push_back(id);
  }
  std::vector<absl::Status> statuses(unneeded.size());
  if (!unneeded.empty()) store_.Get()->Delete(unneeded, statuses);
  {
    MutexLock lock(mutex_);
    for (const Multihash& id : claimed) reclaiming_.erase(id);
    reclaimed_->Set();
  }
  return FirstError(statuses, unneeded);
}

absl::StatusOr<BlockStore::Page> BlockService::Scan(const std::string& token, size_t most) {
  return store_.Get()->Scan(token, most);
}

BlockStore::StoreUsage BlockService::Usage() { return store_.Get()->Usage(); }

}  // namespace l2p
