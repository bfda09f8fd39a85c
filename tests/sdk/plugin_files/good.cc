#include "l2p/plugin.h"
#include "null_hasher.h"

namespace {

constexpr l2p::SettingSpec kSettings[] = {
    {"fill", l2p::SettingType::kInteger, "1", "0..255", "what every digest byte is"},
};

absl::StatusOr<std::unique_ptr<l2p::Hasher>> Open(l2p::Host&, const l2p::Settings& settings) {
  return std::make_unique<l2p::NullHasher>(static_cast<uint8_t>(settings.Integer("fill")));
}

}  // namespace

L2P_PLUGIN(l2p::Hasher, "good", "1.2.3", kSettings, Open);
