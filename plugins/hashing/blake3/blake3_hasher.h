#ifndef L2P_PLUGINS_HASHING_BLAKE3_BLAKE3_HASHER_H_
#define L2P_PLUGINS_HASHING_BLAKE3_BLAKE3_HASHER_H_

#include "l2p/hasher.h"

namespace l2p {

// BLAKE3 with 32 bytes of output, as `b3sum` prints. By LLVM's copy of the reference
// implementation, which takes the widest instructions the processor has.
class Blake3Hasher : public Hasher {
 public:
  HashCode code() const override { return HashCode::kBlake3; }
  size_t digest_size() const override { return 32; }
  void Hash(std::span<const ByteView> inputs, MutableByteView digests) const override;
};

}  // namespace l2p

#endif  // L2P_PLUGINS_HASHING_BLAKE3_BLAKE3_HASHER_H_
