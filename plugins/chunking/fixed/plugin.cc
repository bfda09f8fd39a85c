#include "l2p/plugin.h"

#include "fixed_chunker.h"

namespace {

constexpr l2p::SettingSpec kSettings[] = {
    {"size", l2p::SettingType::kSize, "1MiB", "1KiB..2MiB", "bytes of every chunk but the last"},
};

absl::StatusOr<std::unique_ptr<l2p::Chunker>> OpenFixedChunker(l2p::Host&,
                                                               const l2p::Settings& settings) {
  return std::make_unique<l2p::FixedChunker>(settings.Integer("size"));
}

}  // namespace

L2P_PLUGIN(l2p::Chunker, "fixed", "1.0.0", kSettings, OpenFixedChunker);
