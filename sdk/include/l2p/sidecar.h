#ifndef L2P_SIDECAR_H_
#define L2P_SIDECAR_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "l2p/crypto.h"
#include "l2p/group.h"
#include "l2p/stripes.h"

namespace l2p {

// The Sidecar of a coded group says of which pieces it is made and in which blocks they are stored:
// whoever has it and any K pieces of each stripe has the group. It is a block itself (raw,
// SHA-256), kept by every holder of the group. Its bytes follow from the group, K and N alone
// (docs/protocol.md, "Sidecar").
//
// Piece i of stripe s is kept by the holder at place (i + s) mod N. A data piece of a direct stripe
// is stored as the leaves it is made of, every other piece as a raw block under its SHA-256.
//
// A value; any thread when const.
class L2P_SDK_API Sidecar {
 public:
  static constexpr size_t kMaxBytes = 2 << 20;
  static constexpr size_t kMaxBlocks = 16 * 1024;

  // The stripes of `group`, their pieces not named yet. InvalidArgument when it cannot be coded: no
  // leaf with bytes, K or N out of Redundancy's bounds, over the caps.
  static absl::StatusOr<Sidecar> ForGroup(Group group, size_t needed, size_t pieces);

  // Takes exactly what Encode makes; InvalidArgument for all else. Who reads a sidecar of others
  // believes what it says of a block only when the decoded bytes hash to the block's id.
  static absl::StatusOr<Sidecar> Parse(ByteView bytes);
  std::string Encode() const;  // REQUIRES: all pieces are named.

  const Group& group() const { return group_; }
  size_t needed() const { return needed_; }  // K
  size_t pieces() const { return pieces_; }  // N
  const std::vector<Stripe>& stripes() const { return stripes_; }

  // Whether the piece is a block of its own.
  bool IsBlock(size_t stripe, size_t index) const {
    return index >= needed_ || stripes_[stripe].sliced;
  }
  // The blocks in which the piece is stored, in order. None for an empty data piece.
  std::vector<BlockRef> BlocksOf(size_t stripe, size_t index) const;
  uint32_t StoredBytes(size_t stripe, size_t index) const;  // Theirs.
  // Over those bytes (l2p/hash_tree.h).
  const Sha256Digest& TreeRootOf(size_t stripe, size_t index) const {
    return names_[stripe * pieces_ + index].tree_root;
  }
  void Name(size_t stripe, size_t index, const Sha256Digest& id, const Sha256Digest& tree_root) {
    names_[stripe * pieces_ + index] = {id, tree_root};
  }

  size_t HolderOf(size_t stripe, size_t index) const { return (stripe + index) % pieces_; }
  size_t PieceAt(size_t stripe, size_t holder) const {
    return (holder + pieces_ - stripe % pieces_) % pieces_;
  }
  // All that the holder at this place keeps, apart from the sidecar: nodes are the group's nodes,
  // leaves its empty leaves and the blocks of its pieces. Each once.
  Group ShareOf(size_t holder) const;

  // The stripe that a leaf of the group belongs to: not of other pieces, which only the sidecar
  // calls its own.
  std::optional<size_t> StripeOf(const Multihash& leaf) const;

 private:
  struct PieceName {
    Sha256Digest id{};  // Of a piece that is a block.
    Sha256Digest tree_root{};
  };

  Sidecar() = default;

  Group group_;
  size_t needed_ = 0;
  size_t pieces_ = 0;
  std::vector<Stripe> stripes_;
  std::vector<PieceName> names_;  // Stripe by stripe.
};

}  // namespace l2p

#endif  // L2P_SIDECAR_H_
