#ifndef L2P_PLUGINS_STORAGE_PACK_PACK_STORE_H_
#define L2P_PLUGINS_STORAGE_PACK_PACK_STORE_H_

#include <memory>

#include "compactor.h"
#include "l2p/block_store.h"
#include "pack_log.h"

namespace l2p {

// Blocks in large append-only files (pack_format.h), found through a table in memory of some 30
// bytes a block.
class PackStore : public BlockStore {
 public:
  // Most ids in one page of Scan, however many are asked for.
  static constexpr size_t kMostPerPage = 4096;

  // Opens the pack in the host's folder, or makes one. `host` outlives it.
  static absl::StatusOr<std::unique_ptr<PackStore>> Open(Host& host,
                                                         pack::PackLog::Options options);

  void Put(std::span<const Block> blocks, std::span<absl::Status> out) override;
  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) override;
  absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out) override;
  void Delete(std::span<const Multihash> ids, std::span<absl::Status> out) override;
  absl::StatusOr<Page> Scan(const std::string& token, size_t most) override;
  StoreUsage Usage() override { return log_->Usage(); }
  absl::Status Sync() override;

 private:
  PackStore(Host& host, std::unique_ptr<pack::PackLog> log)
      : host_(host), log_(std::move(log)), compactor_(host, *log_) {}

  pack::Key KeyOf(const Multihash& id) const { return pack::KeyOf(host_.crypto(), id); }
  absl::StatusOr<Bytes> GetBlock(const Multihash& id);
  absl::StatusOr<Bytes> ReadBlock(const Multihash& id, const pack::Location& location);
  absl::StatusOr<Multihash> ReadId(const pack::BlockTable::Item& item);

  Host& host_;
  const std::unique_ptr<pack::PackLog> log_;
  pack::Compactor compactor_;
};

}  // namespace l2p

#endif  // L2P_PLUGINS_STORAGE_PACK_PACK_STORE_H_
