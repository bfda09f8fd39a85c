#ifndef L2P_ERASURE_CODE_H_
#define L2P_ERASURE_CODE_H_

#include <cstdint>
#include <span>
#include <vector>

#include "l2p/bytes.h"
#include "l2p/status.h"
#include "l2p/tasks.h"

namespace l2p {

// A piece of a stripe, lent: its bytes are those of `parts`, one behind another, and then zeros up
// to the stripe's length.
struct LentPiece {
  size_t index = 0;
  std::vector<ByteView> parts;
};

// A Reed-Solomon code over GF(2^8) (polynomial 0x11d): of N pieces any K give the others. Piece
// i < K is data. Piece i >= K is, byte by byte, the sum over j < K of data piece j times
// 1 / (i ^ j): a Cauchy matrix, so every choice of K pieces will do.
//
// A value; any thread.
class L2P_SDK_API ErasureCode {
 public:
  // InvalidArgument unless 1 <= needed < pieces <= 255.
  static absl::StatusOr<ErasureCode> Make(size_t needed, size_t pieces);

  size_t needed() const { return needed_; }
  size_t pieces() const { return pieces_; }

  // Computes the pieces `wanted` (`length` bytes each, into `out`) from any K different ones. This
  // is encoding when `have` are the data pieces, decoding otherwise. With `tasks` on all cores.
  // REQUIRES: `have` are K different pieces of at most `length` bytes; out.size() ==
  // wanted.size(); every out has `length` bytes and overlaps nothing.
  void Compute(size_t length, std::span<const LentPiece> have, std::span<const size_t> wanted,
               std::span<const MutableByteView> out, Tasks* tasks = nullptr) const;

 private:
  ErasureCode(size_t needed, size_t pieces) : needed_(needed), pieces_(pieces) {}

  std::vector<uint8_t> Rows(std::span<const LentPiece> have, std::span<const size_t> wanted) const;

  size_t needed_;
  size_t pieces_;
};

}  // namespace l2p

#endif  // L2P_ERASURE_CODE_H_
