#ifndef L2P_PLUGINS_CRYPTO_BORINGSSL_BORINGSSL_CRYPTO_H_
#define L2P_PLUGINS_CRYPTO_BORINGSSL_BORINGSSL_CRYPTO_H_

#include <memory>
#include <string>

#include "l2p/crypto.h"
#include "l2p/host.h"
#include "l2p/settings.h"

namespace l2p {

// Keys, signatures, SHA-256 and random bytes by BoringSSL. It holds no state. [any thread]
class BoringsslCrypto : public Crypto {
 public:
  Sha256Digest Sha256(std::span<const ByteView> parts) const override;
  void Random(MutableByteView out) const override;
  absl::StatusOr<std::string> NewPrivateKey(ByteView seed) const override;
  absl::StatusOr<std::unique_ptr<Identity>> OpenIdentity(ByteView private_key) const override;

  // Of RSA keys, 2048 to 8192 bits are accepted; of ECDSA keys, the curves P-256, P-384 and P-521.
  absl::Status Verify(ByteView public_key, ByteView message, ByteView signature) const override;
};

absl::StatusOr<std::unique_ptr<Crypto>> OpenBoringsslCrypto(Host& host, const Settings& settings);

}  // namespace l2p

#endif  // L2P_PLUGINS_CRYPTO_BORINGSSL_BORINGSSL_CRYPTO_H_
