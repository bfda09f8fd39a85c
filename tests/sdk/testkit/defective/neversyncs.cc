// Writes to disk, but its Sync does nothing: only a power cut brings it to light.
#include "l2p/plugin.h"
#include "plugins/storage/pack/pack_store.h"

namespace l2p {
namespace {

class HastyStore : public BlockStore {
 public:
  explicit HastyStore(std::unique_ptr<BlockStore> pack) : pack_(std::move(pack)) {}

  void Put(std::span<const Block> blocks, std::span<absl::Status> out) override {
    pack_->Put(blocks, out);
  }
  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) override {
    pack_->Get(ids, out);
  }
  absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out) override {
    return pack_->Has(ids, out);
  }
  void Delete(std::span<const Multihash> ids, std::span<absl::Status> out) override {
    pack_->Delete(ids, out);
  }
  absl::StatusOr<Page> Scan(const std::string& token, size_t most) override {
    return pack_->Scan(token, most);
  }
  StoreUsage Usage() override { return pack_->Usage(); }
  absl::Status Sync() override { return absl::OkStatus(); }

 private:
  const std::unique_ptr<BlockStore> pack_;
};

absl::StatusOr<std::unique_ptr<BlockStore>> Open(Host& host, const Settings&) {
  L2P_ASSIGN_OR_RETURN(std::unique_ptr<BlockStore> pack, PackStore::Open(host, {}));
  return std::make_unique<HastyStore>(std::move(pack));
}

}  // namespace
}  // namespace l2p

L2P_PLUGIN(l2p::BlockStore, "neversyncs", "1.0.0", l2p::kNoSettings, l2p::Open);
