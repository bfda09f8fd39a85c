#include "blake3_hasher.h"

#include <llvm-c/blake3.h>

namespace l2p {

void Blake3Hasher::Hash(std::span<const ByteView> inputs, MutableByteView digests) const {
  uint8_t* out = digests.data();
  for (ByteView input : inputs) {
    llvm_blake3_hasher hasher;
    llvm_blake3_hasher_init(&hasher);
    llvm_blake3_hasher_update(&hasher, input.data(), input.size());
    llvm_blake3_hasher_finalize(&hasher, out, digest_size());
    out += digest_size();
  }
}

}  // namespace l2p
