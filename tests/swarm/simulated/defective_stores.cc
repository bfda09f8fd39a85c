#include "tests/swarm/simulated/defective_stores.h"

#include "l2p/block_store.h"
#include "tests/swarm/simulated/linked_plugin.h"

namespace l2p {
namespace {

class DefectiveStore : public BlockStore {
 public:
  explicit DefectiveStore(std::unique_ptr<BlockStore> sound) : sound_(std::move(sound)) {}

  void Put(std::span<const Block> blocks, std::span<absl::Status> out) override {
    sound_->Put(blocks, out);
  }
  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) override {
    sound_->Get(ids, out);
  }
  absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out) override {
    return sound_->Has(ids, out);
  }
  void Delete(std::span<const Multihash> ids, std::span<absl::Status> out) override {
    sound_->Delete(ids, out);
  }
  absl::StatusOr<Page> Scan(const std::string& token, size_t most) override {
    return sound_->Scan(token, most);
  }
  StoreUsage Usage() override { return sound_->Usage(); }
  absl::Status Sync() override { return sound_->Sync(); }

 private:
  const std::unique_ptr<BlockStore> sound_;
};

class LyingStore final : public DefectiveStore {
 public:
  using DefectiveStore::DefectiveStore;

  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) override {
    DefectiveStore::Get(ids, out);
    for (absl::StatusOr<Bytes>& block : out) {
      if (!block.ok() || block->empty()) continue;
      std::string text(AsText(block->view()));
      text[text.size() / 2] ^= 1;
      block = Bytes::Copy(AsBytes(text));
    }
  }
};

class UnsyncedStore final : public DefectiveStore {
 public:
  using DefectiveStore::DefectiveStore;

  absl::Status Sync() override { return absl::OkStatus(); }
};

template <typename Store>
absl::StatusOr<std::unique_ptr<BlockStore>> OpenDefective(Host& host, const Settings&) {
  L2P_ASSIGN_OR_RETURN(std::unique_ptr<BlockStore> sound, OpenBuilt<BlockStore>("pack", host));
  return std::make_unique<Store>(std::move(sound));
}

}  // namespace

constinit const PluginDescriptor kLyingStore =
    DescribeLinked<BlockStore, OpenDefective<LyingStore>>("lying");
constinit const PluginDescriptor kUnsyncedStore =
    DescribeLinked<BlockStore, OpenDefective<UnsyncedStore>>("unsynced");

}  // namespace l2p
