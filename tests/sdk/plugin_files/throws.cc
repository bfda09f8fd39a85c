#include <stdexcept>

#include "l2p/hasher.h"
#include "l2p/plugin.h"

namespace {

absl::StatusOr<std::unique_ptr<l2p::Hasher>> Open(l2p::Host&, const l2p::Settings&) {
  throw std::runtime_error("no luck");
}

}  // namespace

L2P_PLUGIN(l2p::Hasher, "throws", "1.0.0", l2p::kNoSettings, Open);
