#ifndef @NAME@_STORE_H_
#define @NAME@_STORE_H_

#include <map>

#include "l2p/block_store.h"
#include "l2p/mutex.h"

namespace @name@ {

// Blocks in a map, forgotten when the process ends. A store that lasts keeps them in host.folder()
// and makes them durable in Sync; then Usage says `durable`, and the node keeps blocks for others.
class @Name@Store : public l2p::BlockStore {
 public:
  explicit @Name@Store(uint64_t capacity) : capacity_(capacity) {}

  void Put(std::span<const l2p::Block> blocks, std::span<absl::Status> out) override;
  void Get(std::span<const l2p::Multihash> ids,
           std::span<absl::StatusOr<l2p::Bytes>> out) override;
  absl::Status Has(std::span<const l2p::Multihash> ids, std::span<int64_t> out) override;
  void Delete(std::span<const l2p::Multihash> ids, std::span<absl::Status> out) override;
  absl::StatusOr<Page> Scan(const std::string& token, size_t most) override;
  StoreUsage Usage() override;
  absl::Status Sync() override { return absl::OkStatus(); }

 private:
  const uint64_t capacity_;
  l2p::Mutex mutex_{"@Name@Store"};
  std::map<l2p::Multihash, l2p::Bytes> blocks_ L2P_GUARDED_BY(mutex_);  // In order, for Scan.
  uint64_t bytes_ L2P_GUARDED_BY(mutex_) = 0;
};

}  // namespace @name@

#endif  // @NAME@_STORE_H_
