#include "l2p/plugin.h"

#include "sha256_hasher.h"

namespace {

absl::StatusOr<std::unique_ptr<l2p::Hasher>> OpenSha256Hasher(l2p::Host&, const l2p::Settings&) {
  return std::make_unique<l2p::Sha256Hasher>();
}

}  // namespace

L2P_PLUGIN(l2p::Hasher, "sha256", "1.0.0", l2p::kNoSettings, OpenSha256Hasher);
