// Gives blocks back with one bit flipped.
#include "l2p/plugin.h"
#include "plugins/storage/memory/memory_store.h"

namespace l2p {
namespace {

class FlippingStore : public MemoryStore {
 public:
  using MemoryStore::MemoryStore;

  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) override {
    MemoryStore::Get(ids, out);
    for (absl::StatusOr<Bytes>& found : out) {
      if (!found.ok() || found->empty()) continue;
      std::string bytes(found->text());
      bytes.back() ^= 1;
      found = Bytes::Of(std::move(bytes));
    }
  }
};

absl::StatusOr<std::unique_ptr<BlockStore>> Open(Host&, const Settings&) {
  return std::make_unique<FlippingStore>(1 << 30);
}

}  // namespace
}  // namespace l2p

L2P_PLUGIN(l2p::BlockStore, "flips", "1.0.0", l2p::kNoSettings, l2p::Open);
