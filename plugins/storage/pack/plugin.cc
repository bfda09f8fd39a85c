#include "l2p/plugin.h"

#include "pack_store.h"

namespace {

constexpr l2p::SettingSpec kSettings[] = {
    {"segment", l2p::SettingType::kSize, "128MiB", "64KiB..16GiB",
     "bytes of a segment file; a start after a crash reads the last one through"},
    {"reserve", l2p::SettingType::kSize, "1MiB", "4KiB..1GiB",
     "bytes kept back so that deleting works on a full disk"},
};

absl::StatusOr<std::unique_ptr<l2p::BlockStore>> OpenPackStore(l2p::Host& host,
                                                               const l2p::Settings& settings) {
  return l2p::PackStore::Open(
      host, {.segment_bytes = static_cast<uint64_t>(settings.Integer("segment")),
             .reserve_bytes = static_cast<uint64_t>(settings.Integer("reserve"))});
}

}  // namespace

L2P_PLUGIN(l2p::BlockStore, "pack", "1.0.0", kSettings, OpenPackStore);
