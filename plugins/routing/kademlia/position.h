#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_POSITION_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_POSITION_H_

#include "l2p/crypto.h"

namespace l2p::kademlia {

// A place in the key space: SHA-256 of a peer id's or a multihash's bytes, as they go on the wire.
using Position = Sha256Digest;

inline constexpr size_t kPositionBits = 256;

inline Position PositionOf(const Crypto& crypto, ByteView key) { return crypto.Sha256({&key, 1}); }

// XOR; compares as a big-endian number.
inline Position Distance(const Position& a, const Position& b) {
  Position distance;
  for (size_t i = 0; i < distance.size(); ++i) distance[i] = a[i] ^ b[i];
  return distance;
}

// Leading bits that are equal: 256 for equal positions.
size_t CommonPrefix(const Position& a, const Position& b);

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_POSITION_H_
