#ifndef L2P_PLUGINS_STORAGE_MEMORY_MEMORY_STORE_H_
#define L2P_PLUGINS_STORAGE_MEMORY_MEMORY_STORE_H_

#include <map>

#include "l2p/block_store.h"
#include "l2p/mutex.h"

namespace l2p {

// Blocks in RAM, forgotten when the process ends: for tests, gateways and relays.
class MemoryStore : public BlockStore {
 public:
  // Holds at most `capacity` bytes of ids and blocks.
  explicit MemoryStore(uint64_t capacity) : capacity_(capacity) {}

  void Put(std::span<const Block> blocks, std::span<absl::Status> out) override;
  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) override;
  absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out) override;
  void Delete(std::span<const Multihash> ids, std::span<absl::Status> out) override;
  absl::StatusOr<Page> Scan(const std::string& token, size_t most) override;
  StoreUsage Usage() override;
  absl::Status Sync() override { return absl::OkStatus(); }

 private:
  absl::Status PutBlock(const Block& block) L2P_EXCLUDES(mutex_);

  const uint64_t capacity_;
  Mutex mutex_{"MemoryStore"};
  std::map<Multihash, Bytes> blocks_ L2P_GUARDED_BY(mutex_);  // In order, for Scan.
  uint64_t bytes_ L2P_GUARDED_BY(mutex_) = 0;                 // Of blocks.
  uint64_t taken_ L2P_GUARDED_BY(mutex_) = 0;                 // Of blocks and ids.
};

}  // namespace l2p

#endif  // L2P_PLUGINS_STORAGE_MEMORY_MEMORY_STORE_H_
