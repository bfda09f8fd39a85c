// Comes to no end with an empty batch.
#include <unistd.h>

#include "checksum_hasher.h"
#include "l2p/plugin.h"

namespace l2p {
namespace {

class HangingHasher : public ChecksumHasher {
 public:
  void Hash(std::span<const ByteView> inputs, MutableByteView digests) const override {
    while (inputs.empty()) pause();
    ChecksumHasher::Hash(inputs, digests);
  }
};

absl::StatusOr<std::unique_ptr<Hasher>> Open(Host&, const Settings&) {
  return std::make_unique<HangingHasher>();
}

}  // namespace
}  // namespace l2p

L2P_PLUGIN(l2p::Hasher, "hangs", "1.0.0", l2p::kNoSettings, l2p::Open);
