#ifndef L2P_KERNEL_CONTENT_BLOCK_SERVICE_H_
#define L2P_KERNEL_CONTENT_BLOCK_SERVICE_H_

#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "kernel/content/hashers.h"
#include "kernel/loader/slot.h"
#include "l2p/block_store.h"
#include "l2p/runtime.h"
#include "l2p/service.h"

namespace l2p {

// The BlockService is the one way to the node's own blocks: it enforces storage.quota over any
// store and keeps blocks of operations that are under way from being reclaimed.
//
// [any thread]; calls may wait on the disk.
class BlockService {
 public:
  // What a store may add to a block: header, index entry, padding.
  static constexpr uint64_t kOverheadPerBlock = 128;

  // All lent; they outlive this. `quota_bytes` bounds the store's bytes on disk.
  BlockService(Runtime& runtime, PluginSlot<BlockStore>& store, const Hashers& hashers,
               uint64_t quota_bytes);

  // An operation (a put, a push from a peer) that puts blocks before it commits them to Holdings.
  // Until it is destroyed its blocks are not reclaimed. One task at a time.
  class Operation {
   public:
    explicit Operation(BlockService& service);
    ~Operation();
    Operation(const Operation&) = delete;
    Operation& operator=(const Operation&) = delete;

    // Reserves room, then stores; the caller has verified (or computed) the ids. ResourceExhausted
    // names storage.quota and what is used; nothing of the batch is kept then.
    absl::Status Put(std::span<const Block> blocks);

    // As BlockService::Has; the blocks asked for are not reclaimed either while this lasts, so
    // those that are present need not be put again.
    absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out);

    // Holds `id` once less: it has been committed, or is not needed after all.
    void Forget(const Multihash& id);

    // Holds nothing any more; returns what it held, to be reclaimed (Holdings::ReclaimUnneeded).
    std::vector<Multihash> ForgetAll();

   private:
    BlockService& service_;
    absl::flat_hash_map<Multihash, int> held_;  // How often each block was put or asked for.
  };

  absl::StatusOr<Bytes> Get(const Multihash& id);
  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out);
  absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out);
  BlockReader Reader();  // Of this store; for as long as this lives.

  // Everything put before is durable when it returns OK.
  absl::Status Sync();

  // Deletes those of `ids` that no running Operation holds and that are not `needed`, which is
  // asked once no Operation can take up the block any more (Puts of it wait until this is over).
  absl::Status Reclaim(std::span<const Multihash> ids,
                       const std::function<bool(const Multihash&)>& needed = nullptr);

  absl::StatusOr<BlockStore::Page> Scan(const std::string& token, size_t most);

  BlockStore::StoreUsage Usage();
  uint64_t quota() const { return quota_; }
  const Hashers& hashers() const { return hashers_; }

 private:
  void Hold(std::span<const Multihash> ids);
  void Drop(const Multihash& id, int times);
  absl::Status Store(BlockStore& store, std::span<const Block> blocks);
  absl::Status Reserve(BlockStore& store, std::span<const Block> blocks, uint64_t bytes);
  void Unreserve(uint64_t bytes);

  PluginSlot<BlockStore>& store_;
  const Hashers& hashers_;
  const uint64_t quota_;
  const std::unique_ptr<Event> reclaimed_;  // Set when blocks leave reclaiming_.
  mutable Mutex mutex_{"BlockService"};
  uint64_t reserved_ L2P_GUARDED_BY(mutex_) = 0;  // Bytes of Puts that have not returned yet.
  absl::flat_hash_map<Multihash, int> in_flight_ L2P_GUARDED_BY(mutex_);
  // Blocks that are being deleted; never in in_flight_ as well.
  absl::flat_hash_set<Multihash> reclaiming_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_BLOCK_SERVICE_H_
