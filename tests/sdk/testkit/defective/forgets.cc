// Says that it is durable, and forgets everything when the process ends.
#include "l2p/plugin.h"
#include "plugins/storage/memory/memory_store.h"

namespace l2p {
namespace {

class BoastingStore : public MemoryStore {
 public:
  using MemoryStore::MemoryStore;

  StoreUsage Usage() override {
    StoreUsage usage = MemoryStore::Usage();
    usage.durable = true;
    return usage;
  }
};

absl::StatusOr<std::unique_ptr<BlockStore>> Open(Host&, const Settings&) {
  return std::make_unique<BoastingStore>(1 << 30);
}

}  // namespace
}  // namespace l2p

L2P_PLUGIN(l2p::BlockStore, "forgets", "1.0.0", l2p::kNoSettings, l2p::Open);
