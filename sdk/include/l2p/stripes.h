// Which bytes of a group are coded together. A pure function of the leaves' sizes and K, so that
// any two encoders of a group make the same stripes (docs/protocol.md, "Stripes").
#ifndef L2P_STRIPES_H_
#define L2P_STRIPES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "l2p/erasure_code.h"
#include "l2p/group.h"

namespace l2p {

// What is coded together: K data pieces of equal length, in all but the stored length of direct
// ones. Leaves are named by their place in the group's list.
//
// In a *direct* stripe a data piece is one or more whole leaves, one behind another, each stored
// as the block it is; only for coding it is padded with zeros. In a *sliced* stripe (at most one of
// a group, the last) the leaves are too long for that: their concatenation, padded with zeros, is
// cut in K slices, and each slice is stored as a block of its own.
struct L2P_SDK_API Stripe {
  bool sliced = false;
  uint32_t length = 0;  // Of every piece in coding.
  // Direct: K lists, one of each data piece. Sliced: one list, the concatenation.
  std::vector<std::vector<uint32_t>> leaves;

  std::vector<uint32_t> AllLeaves() const;  // In order of the data pieces.
};

// Fuller pieces than this are not made of several leaves.
inline constexpr uint32_t kFullPiece = 1 << 20;

// The stripes of `leaves` for K data pieces. Empty leaves are in none: whoever holds the group
// holds them. REQUIRES: needed >= 2, sizes are at most 2 MiB.
L2P_SDK_API std::vector<Stripe> LayOut(std::span<const BlockRef> leaves, size_t needed);

// The K data pieces of a stripe, given the bytes of its leaves in order of AllLeaves.
L2P_SDK_API std::vector<LentPiece> DataPieces(const Stripe& stripe, size_t needed,
                                              std::span<const ByteView> leaves);

}  // namespace l2p

#endif  // L2P_STRIPES_H_
