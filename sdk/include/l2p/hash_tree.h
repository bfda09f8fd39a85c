// A SHA-256 tree over 4 KiB leaves of some bytes, shaped and domain-separated as in RFC 9162
// (Certificate Transparency): anyone who knows the root and the size can check one leaf that
// somebody else sends, by the path that comes with it.
//
//   root(nothing)  = SHA-256()
//   root(one leaf) = SHA-256( 00 leaf )
//   root(n leaves) = SHA-256( 01 root(first m) root(the rest) ),  m the largest power of two below
//   n
//
// Pure; any thread.
#ifndef L2P_HASH_TREE_H_
#define L2P_HASH_TREE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "l2p/bytes.h"
#include "l2p/crypto.h"
#include "l2p/status.h"

namespace l2p {

inline constexpr size_t kTreeLeaf = 4096;

// The root over the bytes of `parts`, one behind another.
L2P_SDK_API Sha256Digest TreeRoot(const Crypto& crypto, std::span<const ByteView> parts);

// The root over items of any size, a leaf each.
L2P_SDK_API Sha256Digest TreeRootOfItems(const Crypto& crypto, std::span<const ByteView> items);

// One leaf and the hashes beside its way to the root, from the leaf upwards.
struct TreeProof {
  Bytes leaf;
  std::vector<Sha256Digest> path;
};

// OutOfRange if there is no leaf `index` in `parts`.
L2P_SDK_API absl::StatusOr<TreeProof> ProveLeaf(const Crypto& crypto,
                                                std::span<const ByteView> parts, uint64_t index);

// OK if `proof` shows leaf `index` of `size` bytes with this root; DataLoss otherwise.
L2P_SDK_API absl::Status VerifyLeaf(const Crypto& crypto, const Sha256Digest& root, uint64_t size,
                                    uint64_t index, const TreeProof& proof);

inline uint64_t TreeLeaves(uint64_t size) { return (size + kTreeLeaf - 1) / kTreeLeaf; }

}  // namespace l2p

#endif  // L2P_HASH_TREE_H_
