#include "l2p/plugin.h"

#include "blake3_hasher.h"

namespace {

absl::StatusOr<std::unique_ptr<l2p::Hasher>> OpenBlake3Hasher(l2p::Host&, const l2p::Settings&) {
  return std::make_unique<l2p::Blake3Hasher>();
}

}  // namespace

L2P_PLUGIN(l2p::Hasher, "blake3", "1.0.0", l2p::kNoSettings, OpenBlake3Hasher);
