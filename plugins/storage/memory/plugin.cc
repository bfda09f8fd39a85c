#include "l2p/plugin.h"

#include "memory_store.h"

namespace {

constexpr l2p::SettingSpec kSettings[] = {
    {"capacity", l2p::SettingType::kSize, "1GiB", "1MiB..1TiB", "most bytes of blocks kept in RAM"},
};

absl::StatusOr<std::unique_ptr<l2p::BlockStore>> OpenMemoryStore(l2p::Host&,
                                                                 const l2p::Settings& settings) {
  return std::make_unique<l2p::MemoryStore>(settings.Integer("capacity"));
}

}  // namespace

L2P_PLUGIN(l2p::BlockStore, "memory", "1.0.0", kSettings, OpenMemoryStore);
