// Cannot bear an empty batch.
#include <cstdlib>

#include "checksum_hasher.h"
#include "l2p/plugin.h"

namespace l2p {
namespace {

class CrashingHasher : public ChecksumHasher {
 public:
  void Hash(std::span<const ByteView> inputs, MutableByteView digests) const override {
    if (inputs.empty()) std::abort();
    ChecksumHasher::Hash(inputs, digests);
  }
};

absl::StatusOr<std::unique_ptr<Hasher>> Open(Host&, const Settings&) {
  return std::make_unique<CrashingHasher>();
}

}  // namespace
}  // namespace l2p

L2P_PLUGIN(l2p::Hasher, "crashes", "1.0.0", l2p::kNoSettings, l2p::Open);
