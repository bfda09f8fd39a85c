#include "position.h"

#include <bit>

namespace l2p::kademlia {

size_t CommonPrefix(const Position& a, const Position& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    const auto difference = static_cast<uint8_t>(a[i] ^ b[i]);
    if (difference != 0) return 8 * i + static_cast<size_t>(std::countl_zero(difference));
  }
  return kPositionBits;
}

}  // namespace l2p::kademlia
