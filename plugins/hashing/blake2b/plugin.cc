#include "l2p/plugin.h"

#include "blake2b_hasher.h"

namespace {

absl::StatusOr<std::unique_ptr<l2p::Hasher>> OpenBlake2bHasher(l2p::Host&, const l2p::Settings&) {
  return std::make_unique<l2p::Blake2bHasher>();
}

}  // namespace

L2P_PLUGIN(l2p::Hasher, "blake2b", "1.0.0", l2p::kNoSettings, OpenBlake2bHasher);
