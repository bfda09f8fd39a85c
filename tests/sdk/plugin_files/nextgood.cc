// What the test puts in place of good.so: the same name, a newer version.
#include "l2p/plugin.h"
#include "null_hasher.h"

namespace {

absl::StatusOr<std::unique_ptr<l2p::Hasher>> Open(l2p::Host&, const l2p::Settings&) {
  return std::make_unique<l2p::NullHasher>(2);
}

}  // namespace

L2P_PLUGIN(l2p::Hasher, "good", "2.0.0", l2p::kNoSettings, Open);
