#include "@name@_hasher.h"

#include <algorithm>

namespace @name@ {

// The inputs of a batch may be hashed side by side, by SIMD lanes for example; the node spreads
// batches over the cores itself.
void @Name@Hasher::Hash(std::span<const l2p::ByteView> inputs,
                        l2p::MutableByteView digests) const {
  for (size_t i = 0; i < inputs.size(); ++i) {
    const l2p::Sha256Digest digest = crypto_.Sha256(inputs.subspan(i, 1));
    std::copy(digest.begin(), digest.end(), digests.begin() + static_cast<ptrdiff_t>(32 * i));
  }
}

}  // namespace @name@
