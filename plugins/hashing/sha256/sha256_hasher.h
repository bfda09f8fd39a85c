#ifndef L2P_PLUGINS_HASHING_SHA256_SHA256_HASHER_H_
#define L2P_PLUGINS_HASHING_SHA256_SHA256_HASHER_H_

#include "l2p/hasher.h"

namespace l2p {

// SHA-256 (FIPS 180-4) by BoringSSL, which uses the processor's SHA instructions where they exist.
class Sha256Hasher : public Hasher {
 public:
  HashCode code() const override { return HashCode::kSha2_256; }
  size_t digest_size() const override { return 32; }
  void Hash(std::span<const ByteView> inputs, MutableByteView digests) const override;
};

}  // namespace l2p

#endif  // L2P_PLUGINS_HASHING_SHA256_SHA256_HASHER_H_
