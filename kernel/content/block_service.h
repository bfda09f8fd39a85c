#ifndef L2P_KERNEL_CONTENT_BLOCK_SERVICE_H_
#define L2P_KERNEL_CONTENT_BLOCK_SERVICE_H_

#include <memory>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kernel/content/hashers.h"
#include "kernel/loader/slot.h"
#include "l2p/block_store.h"
#include "l2p/runtime.h"

namespace l2p {

// The BlockService is the one way to the node's own blocks: it enforces storage.quota over any
// store and keeps blocks of operations that are under way from being reclaimed.
//
// [any thread]; calls may wait on the disk.
class BlockService {
 public:
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

   private:
    friend class BlockService;
    BlockService& service_;
    std::vector<Multihash> held_;
  };

  absl::StatusOr<Bytes> Get(const Multihash& id);
  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out);
  absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out);

  // Everything put before is durable when it returns OK.
  absl::Status Sync();

  // Deletes those of `ids` that no running Operation holds.
  absl::Status Reclaim(std::span<const Multihash> ids);

  absl::StatusOr<BlockStore::Page> Scan(const std::string& token, size_t most);

  BlockStore::StoreUsage Usage();
  uint64_t quota() const { return quota_; }
  const Hashers& hashers() const { return hashers_; }

 private:
  friend class Operation;

  Runtime& runtime_;
  PluginSlot<BlockStore>& store_;
  const Hashers& hashers_;
  const uint64_t quota_;
  mutable Mutex mutex_{"BlockService"};
  uint64_t reserved_ L2P_GUARDED_BY(mutex_) = 0;  // Bytes of Puts that have not returned yet.
  absl::flat_hash_map<Multihash, int> in_flight_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_BLOCK_SERVICE_H_
