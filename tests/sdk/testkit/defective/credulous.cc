// Believes every signature.
#include "l2p/plugin.h"
#include "plugins/crypto/boringssl/boringssl_crypto.h"

namespace l2p {
namespace {

class CredulousCrypto : public BoringsslCrypto {
 public:
  absl::Status Verify(ByteView, ByteView, ByteView) const override { return absl::OkStatus(); }
};

absl::StatusOr<std::unique_ptr<Crypto>> Open(Host&, const Settings&) {
  return std::make_unique<CredulousCrypto>();
}

}  // namespace
}  // namespace l2p

L2P_PLUGIN(l2p::Crypto, "credulous", "1.0.0", l2p::kNoSettings, l2p::Open);
