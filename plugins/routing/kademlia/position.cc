#include "position.h"

#include <cstring>

namespace l2p::kademlia {

Position Position::FromDigest(const Sha256Digest& digest) {
  Position position;
  std::memcpy(position.words.data(), digest.data(), digest.size());
  if constexpr (std::endian::native == std::endian::little) {
    for (uint64_t& word : position.words) word = __builtin_bswap64(word);
  }
  return position;
}

}  // namespace l2p::kademlia
