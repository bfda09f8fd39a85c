#include "kernel/content/garbage_collector.h"

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

namespace l2p {

GarbageCollector::GarbageCollector(Runtime& runtime, BlockService& blocks, Holdings& holdings)
    : runtime_(runtime), blocks_(blocks), holdings_(holdings) {}

absl::Status GarbageCollector::Start() {
  timer_ = runtime_.tasks().Every("collect garbage", kPeriod, [this] { CollectIfNearlyFull(); });
  return absl::OkStatus();
}

void GarbageCollector::Stop() {
  stopping_ = true;
  timer_.reset();
}

absl::StatusOr<GarbageCollector::Freed> GarbageCollector::Collect() {
  if (running_.exchange(true)) {
    return absl::FailedPreconditionError("garbage is being collected already");
  }
  const absl::Cleanup done = [this] { running_ = false; };
  const BlockStore::StoreUsage before = blocks_.Usage();
  L2P_RETURN_IF_ERROR(holdings_.ReleaseExpired());
  const BlockStore::StoreUsage expired = blocks_.Usage();
  Freed freed;
  freed.blocks = before.blocks - std::min(before.blocks, expired.blocks);
  freed.bytes = before.bytes - std::min(before.bytes, expired.bytes);
  const std::unique_ptr<Event> pause = runtime_.NewEvent();
  std::string token;
  do {
    if (stopping_) return absl::AbortedError("the node is stopping");
    L2P_ASSIGN_OR_RETURN(BlockStore::Page page, blocks_.Scan(token, kBlocksAtOnce));
    std::vector<Multihash> dead = holdings_.UnneededOf(page.ids);
    if (!dead.empty()) {
      std::vector<int64_t> sizes(dead.size(), -1);
      L2P_RETURN_IF_ERROR(blocks_.Has(dead, sizes));
      L2P_RETURN_IF_ERROR(holdings_.ReclaimUnneeded(dead));
      std::vector<int64_t> left(dead.size(), -1);
      L2P_RETURN_IF_ERROR(blocks_.Has(dead, left));
      for (size_t i = 0; i < dead.size(); ++i) {
        if (sizes[i] < 0 || left[i] >= 0) continue;
        ++freed.blocks;
        freed.bytes += static_cast<uint64_t>(sizes[i]);
      }
      pause->Wait(runtime_.Now() + kPause);
    }
    token = std::move(page.token);
  } while (!token.empty());
  return freed;
}

void GarbageCollector::CollectIfNearlyFull() {
  const BlockStore::StoreUsage usage = blocks_.Usage();
  const double full = static_cast<double>(blocks_.quota()) * kNearlyFull;
  if (static_cast<double>(usage.disk_bytes) < full || usage.blocks == seen_blocks_) return;
  const absl::StatusOr<Freed> freed = Collect();
  if (!freed.ok()) return;
  seen_blocks_ = blocks_.Usage().blocks;
  if (freed->blocks == 0) return;
  runtime_.Log(Severity::kInfo, "kernel",
               absl::StrCat("the store is nearly full: freed ", freed->blocks, " blocks of ",
                            freed->bytes, " bytes that nobody needs"));
}

}  // namespace l2p
