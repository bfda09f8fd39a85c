#include "l2p/erasure_code.h"

#include <isa-l/erasure_code.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

constexpr size_t kMostPieces = 255;
// Columns that are computed at a time: all K sources of them fit in a second-level cache.
constexpr size_t kWindow = 32 << 10;
// ISA-L's expanded table for one coefficient.
constexpr size_t kTableBytes = 32;

// Walks over a piece, window by window. Windows that lie in one part are lent, others gathered.
class PieceCursor {
 public:
  PieceCursor(const LentPiece& piece, size_t offset) : parts_(piece.parts) {
    while (part_ < parts_.size() && offset >= parts_[part_].size()) {
      offset -= parts_[part_++].size();
    }
    offset_ = offset;
  }

  const uint8_t* Window(size_t size, std::vector<uint8_t>& scratch) {
    SkipFinished();
    if (part_ < parts_.size() && parts_[part_].size() - offset_ >= size) {
      const uint8_t* window = parts_[part_].data() + offset_;
      offset_ += size;
      return window;
    }
    scratch.resize(kWindow);
    size_t filled = 0;
    for (; filled < size && part_ < parts_.size(); SkipFinished()) {
      const size_t now = std::min(size - filled, parts_[part_].size() - offset_);
      std::memcpy(scratch.data() + filled, parts_[part_].data() + offset_, now);
      filled += now;
      offset_ += now;
    }
    std::memset(scratch.data() + filled, 0, size - filled);
    return scratch.data();
  }

 private:
  void SkipFinished() {
    while (part_ < parts_.size() && offset_ == parts_[part_].size()) {
      ++part_;
      offset_ = 0;
    }
  }

  std::span<const ByteView> parts_;
  size_t part_ = 0;
  size_t offset_ = 0;
};

}  // namespace

absl::StatusOr<ErasureCode> ErasureCode::Make(size_t needed, size_t pieces) {
  if (needed < 1 || needed >= pieces || pieces > kMostPieces) {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no code of ", needed, " of ", pieces, " pieces"));
  }
  return ErasureCode(needed, pieces);
}

// What each wanted piece takes of each piece there is: rows of the code's matrix times the inverse
// of the rows that belong to `have`.
std::vector<uint8_t> ErasureCode::Rows(std::span<const LentPiece> have,
                                       std::span<const size_t> wanted) const {
  std::vector<uint8_t> code(pieces_ * needed_);
  gf_gen_cauchy1_matrix(code.data(), static_cast<int>(pieces_), static_cast<int>(needed_));
  std::vector<uint8_t> present(needed_ * needed_);
  std::vector<uint8_t> inverse(needed_ * needed_);
  for (size_t i = 0; i < needed_; ++i) {
    std::copy_n(&code[have[i].index * needed_], needed_, &present[i * needed_]);
  }
  [[maybe_unused]] const int singular =
      gf_invert_matrix(present.data(), inverse.data(), static_cast<int>(needed_));
  assert(singular == 0 && "the pieces are not different ones");
  std::vector<uint8_t> rows(wanted.size() * needed_);
  for (size_t w = 0; w < wanted.size(); ++w) {
    for (size_t column = 0; column < needed_; ++column) {
      uint8_t sum = 0;
      for (size_t j = 0; j < needed_; ++j) {
        sum ^= gf_mul(code[wanted[w] * needed_ + j], inverse[j * needed_ + column]);
      }
      rows[w * needed_ + column] = sum;
    }
  }
  return rows;
}

void ErasureCode::Compute(size_t length, std::span<const LentPiece> have,
                          std::span<const size_t> wanted, std::span<const MutableByteView> out,
                          Tasks* tasks) const {
  assert(have.size() == needed_ && out.size() == wanted.size());
  if (wanted.empty() || length == 0) return;
  std::vector<uint8_t> rows = Rows(have, wanted);
  std::vector<uint8_t> tables(rows.size() * kTableBytes);
  ec_init_tables(static_cast<int>(needed_), static_cast<int>(wanted.size()), rows.data(),
                 tables.data());

  const auto compute = [&](size_t begin, size_t end) {
    std::vector<PieceCursor> cursors;
    for (const LentPiece& piece : have) cursors.emplace_back(piece, begin);
    std::vector<std::vector<uint8_t>> scratch(needed_);
    std::vector<uint8_t*> sources(needed_);
    std::vector<uint8_t*> targets(wanted.size());
    for (size_t at = begin; at < end; at += kWindow) {
      const size_t size = std::min(kWindow, end - at);
      for (size_t i = 0; i < needed_; ++i) {
        sources[i] = const_cast<uint8_t*>(cursors[i].Window(size, scratch[i]));
      }
      for (size_t w = 0; w < wanted.size(); ++w) targets[w] = out[w].data() + at;
      ec_encode_data(static_cast<int>(size), static_cast<int>(needed_),
                     static_cast<int>(wanted.size()), tables.data(), sources.data(),
                     targets.data());
    }
  };
  if (tasks == nullptr || length <= kWindow) return compute(0, length);
  constexpr size_t kShare = 4 * kWindow;
  tasks->Parallel((length + kShare - 1) / kShare,
                  [&](size_t i) { compute(i * kShare, std::min(length, (i + 1) * kShare)); });
}

}  // namespace l2p
