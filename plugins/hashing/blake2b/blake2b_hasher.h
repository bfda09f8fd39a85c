#ifndef L2P_PLUGINS_HASHING_BLAKE2B_BLAKE2B_HASHER_H_
#define L2P_PLUGINS_HASHING_BLAKE2B_BLAKE2B_HASHER_H_

#include "l2p/hasher.h"

namespace l2p {

// BLAKE2b-256 (RFC 7693, 32 bytes of output), as `b2sum -l 256` prints. By libb2.
class Blake2bHasher : public Hasher {
 public:
  HashCode code() const override { return HashCode::kBlake2b256; }
  size_t digest_size() const override { return 32; }
  void Hash(std::span<const ByteView> inputs, MutableByteView digests) const override;
};

}  // namespace l2p

#endif  // L2P_PLUGINS_HASHING_BLAKE2B_BLAKE2B_HASHER_H_
