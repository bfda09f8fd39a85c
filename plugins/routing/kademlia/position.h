#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_POSITION_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_POSITION_H_

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <utility>

#include "l2p/crypto.h"

namespace l2p::kademlia {

inline constexpr size_t kPositionBits = 256;

// A place in the key space: SHA-256 of a peer id's or a multihash's bytes, as they go on the wire.
// Compares as a big-endian number; of machine words, for this is most of what lookups do.
struct Position {
  std::array<uint64_t, 4> words = {};  // The first bits of the digest first.

  static Position FromDigest(const Sha256Digest& digest);

  // REQUIRES: bit < kPositionBits, counted from the first.
  bool Bit(size_t bit) const { return (words[bit / 64] >> (63 - bit % 64) & 1) != 0; }
  void FlipBit(size_t bit) { words[bit / 64] ^= uint64_t{1} << (63 - bit % 64); }

  friend bool operator==(const Position&, const Position&) = default;
  friend std::strong_ordering operator<=>(const Position&, const Position&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Position& position) {
    return H::combine(std::move(h), position.words[0], position.words[3]);
  }
};

inline Position PositionOf(const Crypto& crypto, ByteView key) {
  return Position::FromDigest(crypto.Sha256({&key, 1}));
}

// XOR.
inline Position Distance(const Position& a, const Position& b) {
  Position distance;
  for (size_t i = 0; i < distance.words.size(); ++i) distance.words[i] = a.words[i] ^ b.words[i];
  return distance;
}

// The distance that is larger than any other.
inline constexpr Position kFarthest = {{~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}, ~uint64_t{0}}};

// Leading bits that are equal: 256 for equal positions.
inline size_t CommonPrefix(const Position& a, const Position& b) {
  for (size_t i = 0; i < a.words.size(); ++i) {
    const uint64_t difference = a.words[i] ^ b.words[i];
    if (difference != 0) return 64 * i + static_cast<size_t>(std::countl_zero(difference));
  }
  return kPositionBits;
}

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_POSITION_H_
