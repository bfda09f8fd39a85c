#ifndef L2P_KERNEL_CONTENT_MOVING_STORE_H_
#define L2P_KERNEL_CONTENT_MOVING_STORE_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "l2p/block_store.h"
#include "l2p/runtime.h"

namespace l2p {

// A MovingStore is two stores that look like one while the blocks of the first are copied to the
// second: puts go to the second, reads fall through to the first. Nothing is ever put in the first,
// and only Delete removes from it, so it has every block that it had until Close, and one pass over
// it copies all. How far a pass is need not be written down: what is in the second already is not
// copied again.
//
// As BlockStore, with two exceptions: Usage is an estimate, and a scan that Close overtakes may see
// a block twice.
class MovingStore : public BlockStore {
 public:
  // `runtime` is lent and outlives this.
  MovingStore(Runtime& runtime, std::unique_ptr<BlockStore> from, std::unique_ptr<BlockStore> to);
  ~MovingStore() override;

  void Put(std::span<const Block> blocks, std::span<absl::Status> out) override;
  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) override;
  absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out) override;
  void Delete(std::span<const Multihash> ids, std::span<absl::Status> out) override;
  absl::StatusOr<Page> Scan(const std::string& token, size_t most) override;
  StoreUsage Usage() override;
  absl::Status Sync() override;

  // Copies all that is in the first and not in the second, and syncs the second. After an error, or
  // when `stopping` said so (Aborted), it may be called again and goes on where it was. Damaged
  // blocks are left behind. One task at a time.
  absl::Status CopyAll(const std::function<bool()>& stopping);

  // Lets go of the first store: waits for the calls that use it, then destroys it.
  // REQUIRES: CopyAll returned OK.
  void Close();

  struct Progress {
    uint64_t blocks = 0;  // Of the first store: in all, and those that are in the second.
    uint64_t copied = 0;
    uint64_t damaged = 0;  // That could not be read.
  };
  Progress progress() const;

 private:
  class Claim;

  std::shared_ptr<BlockStore> from() const;
  absl::Status CopyPage(BlockStore& from, const std::function<bool()>& stopping);
  absl::Status CopyBatch(BlockStore& from, std::span<const Multihash> ids);

  const std::unique_ptr<Event> from_gone_;  // Set when the first store is destroyed.
  const std::unique_ptr<Event> changed_;    // Set when copying_ or deleting_ shrinks.
  const std::unique_ptr<BlockStore> to_;
  // Where CopyAll's pass is; touched by it alone.
  Page page_;
  size_t next_ = 0;  // Of its ids.

  mutable Mutex mutex_{"MovingStore"};
  std::shared_ptr<BlockStore> from_ L2P_GUARDED_BY(mutex_);  // Null after Close.
  // A block is never in both: one that is deleted while it is copied would come back.
  absl::flat_hash_set<Multihash> copying_ L2P_GUARDED_BY(mutex_);
  absl::flat_hash_map<Multihash, int> deleting_ L2P_GUARDED_BY(mutex_);
  Progress progress_ L2P_GUARDED_BY(mutex_);
  uint64_t copied_bytes_ L2P_GUARDED_BY(mutex_) = 0;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_MOVING_STORE_H_
