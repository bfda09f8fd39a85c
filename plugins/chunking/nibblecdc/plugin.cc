#include "l2p/plugin.h"

#include "absl/strings/str_cat.h"
#include "nibble_cdc_chunker.h"

namespace {

constexpr l2p::SettingSpec kSettings[] = {
    {"min", l2p::SettingType::kSize, "128KiB", "64B..2MiB", "no chunk but the last is smaller"},
    {"average", l2p::SettingType::kSize, "256KiB", "1KiB..2MiB", "size that chunks gather round"},
    {"max", l2p::SettingType::kSize, "1MiB", "1KiB..2MiB", "no chunk is larger"},
};

absl::StatusOr<std::unique_ptr<l2p::Chunker>> OpenNibbleCdcChunker(l2p::Host& host,
                                                                   const l2p::Settings& settings) {
  const int64_t min = settings.Integer("min");
  const int64_t average = settings.Integer("average");
  const int64_t max = settings.Integer("max");
  if (min >= average || average >= max) {
    return absl::InvalidArgumentError(absl::StrCat("nibblecdc: min ", min, ", average ", average,
                                                   " and max ", max, " must ascend"));
  }
  return std::make_unique<l2p::NibbleCdcChunker>(host.crypto(), min, average, max);
}

}  // namespace

L2P_PLUGIN(l2p::Chunker, "nibblecdc", "1.0.0", kSettings, OpenNibbleCdcChunker);
