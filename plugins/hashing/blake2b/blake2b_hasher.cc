#include "blake2b_hasher.h"

#include <blake2.h>

namespace l2p {

void Blake2bHasher::Hash(std::span<const ByteView> inputs, MutableByteView digests) const {
  uint8_t* out = digests.data();
  for (ByteView input : inputs) {
    // It refuses a null pointer even for no bytes.
    const void* data = input.empty() ? "" : static_cast<const void*>(input.data());
    blake2b(out, data, nullptr, digest_size(), input.size(), 0);
    out += digest_size();
  }
}

}  // namespace l2p
