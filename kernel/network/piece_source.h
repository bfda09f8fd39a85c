#ifndef L2P_KERNEL_NETWORK_PIECE_SOURCE_H_
#define L2P_KERNEL_NETWORK_PIECE_SOURCE_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kernel/content/block_service.h"
#include "l2p/coding.h"
#include "l2p/redundancy.h"

namespace l2p {

// A PieceSource has what the holders of one group are to be given: its blocks from this node's
// store, and the pieces coded from them. Nothing coded is stored here: a stripe is coded when the
// first holder comes to it, and its pieces are kept for the others as long as there is room.
//
// [any thread]
class PieceSource {
 public:
  struct Parts {  // All lent; they outlive this.
    Runtime& runtime;
    Memory& memory;
    BlockService& blocks;
    const Crypto& crypto;
  };

  // Codes the whole group once if `redundancy` (for this group) is coded, to name its pieces.
  static absl::StatusOr<std::unique_ptr<PieceSource>> Open(Parts parts, Group group,
                                                           const Redundancy& redundancy);

  const Redundancy& redundancy() const { return redundancy_; }
  // All that the holder at `place` keeps, the sidecar included.
  Group ShareOf(size_t place) const;
  uint64_t bytes() const;                                   // Of all shares.
  const Multihash& sidecar() const { return sidecar_id_; }  // Empty: whole copies.

  void Read(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out);

 private:
  using Piece = std::pair<size_t, size_t>;  // Stripe, index.

  PieceSource(Parts parts, Group group, const Redundancy& redundancy);
  absl::Status Code();
  absl::StatusOr<Bytes> Make(Piece piece);
  void Keep(const std::vector<Piece>& pieces, const std::vector<Bytes>& made) L2P_REQUIRES(mutex_);

  const Parts parts_;
  const Group group_;
  const Redundancy redundancy_;
  std::optional<Sidecar> coded_;
  Multihash sidecar_id_;
  Bytes sidecar_bytes_;
  absl::flat_hash_map<Multihash, Piece> pieces_;  // Those that are blocks of their own.

  const std::unique_ptr<Event> changed_;
  Mutex mutex_{"PieceSource"};
  bool making_ L2P_GUARDED_BY(mutex_) = false;          // One stripe at a time.
  std::set<size_t> begun_ L2P_GUARDED_BY(mutex_);       // Stripes that were coded once.
  std::map<Piece, Bytes> made_ L2P_GUARDED_BY(mutex_);  // Not fetched by their holder yet.
  size_t made_bytes_ L2P_GUARDED_BY(mutex_) = 0;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_PIECE_SOURCE_H_
