// Coding of whole groups: blocks to pieces, pieces to blocks. Memory is a stripe at a time,
// whatever the group's size.
#ifndef L2P_CODING_H_
#define L2P_CODING_H_

#include <span>
#include <vector>

#include "l2p/block_store.h"
#include "l2p/bytes.h"
#include "l2p/crypto.h"
#include "l2p/event.h"
#include "l2p/memory.h"
#include "l2p/sidecar.h"
#include "l2p/tasks.h"

namespace l2p {

// What coding uses; all lent.
struct CodingParts {
  const Crypto& crypto;
  Tasks* tasks = nullptr;  // Without, on the caller's core alone.
  Memory* memory =
      nullptr;  // Budget of what is made; without, or when none is free in time, beside it.
};

// Codes the whole group and names all its pieces. `read` gives blocks of the group, verified or
// from this node's store. Errors are those of Sidecar::ForGroup and `read`.
L2P_SDK_API absl::StatusOr<Sidecar> MakeSidecar(const CodingParts& parts, const Group& group,
                                                size_t needed, size_t pieces,
                                                const BlockReader& read);

// The bytes of pieces that are blocks (Sidecar::IsBlock), made from the stripe's leaves.
// REQUIRES: every one of `wanted` is a block.
L2P_SDK_API absl::StatusOr<std::vector<Bytes>> MakePieces(const CodingParts& parts,
                                                          const Sidecar& sidecar, size_t stripe,
                                                          std::span<const size_t> wanted,
                                                          const BlockReader& read);

// A piece that could be had: its blocks, as Sidecar::BlocksOf lists them.
struct HeldPiece {
  size_t index = 0;
  std::vector<Bytes> blocks;
};

// Leaves of the group, by their place in its list.
struct RestoredLeaf {
  uint32_t leaf = 0;
  Bytes data;
};

// The leaves of a stripe that are not among `have`, restored from any K different pieces. What
// comes out is as good as what went in and as the sidecar: the caller checks each leaf against its
// id. InvalidArgument unless `have` are K different pieces with blocks of the right sizes.
L2P_SDK_API absl::StatusOr<std::vector<RestoredLeaf>> RestoreLeaves(
    const CodingParts& parts, const Sidecar& sidecar, size_t stripe,
    std::span<const HeldPiece> have);

// Any pieces of a stripe, padded to its length, from any K different ones; as RestoreLeaves.
L2P_SDK_API absl::StatusOr<std::vector<Bytes>> RestorePieces(const CodingParts& parts,
                                                             const Sidecar& sidecar, size_t stripe,
                                                             std::span<const HeldPiece> have,
                                                             std::span<const size_t> wanted);

}  // namespace l2p

#endif  // L2P_CODING_H_
