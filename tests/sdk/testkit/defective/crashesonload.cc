// Does not survive its own static constructors.
#include <cstdlib>

#include "checksum_hasher.h"
#include "l2p/plugin.h"

namespace l2p {
namespace {

[[maybe_unused]] const int kNeverReady = [] {
  std::abort();
  return 0;
}();

absl::StatusOr<std::unique_ptr<Hasher>> Open(Host&, const Settings&) {
  return std::make_unique<ChecksumHasher>();
}

}  // namespace
}  // namespace l2p

L2P_PLUGIN(l2p::Hasher, "crashesonload", "1.0.0", l2p::kNoSettings, l2p::Open);
