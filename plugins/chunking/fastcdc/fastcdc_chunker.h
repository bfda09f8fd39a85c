#ifndef L2P_PLUGINS_CHUNKING_FASTCDC_FASTCDC_CHUNKER_H_
#define L2P_PLUGINS_CHUNKING_FASTCDC_FASTCDC_CHUNKER_H_

#include <array>

#include "l2p/chunker.h"
#include "l2p/crypto.h"

namespace l2p {

// FastCDC: cuts where the bytes themselves say so, so an insertion moves only the cuts near it.
// After W. Xia et al., "The Design of Fast Content-Defined Chunking for Data Deduplication Based
// Storage Systems" (IEEE TPDS 2020): gear hash, normalised chunking of level 2, two bytes a step.
//
// What fixes the cuts (any change of it needs a new name in Parameters()):
//   G[i]    the first 8 bytes, big-endian, of SHA-256(the single byte i)
//   h(e)    over the chunk's bytes [min, e): h = (h << 1) + G[byte] mod 2^64, from h = 0
//   mask(n) n ones at the bits 16 + floor(k * 46 / (n - 1)), k = 0 .. n-1
//   b       floor(log2(average)); small = mask(b + 2), large = mask(b - 2)
//   end     the first e > min with h(e) & (e <= average ? small : large) == 0; else max, or the
//           end of the file
class FastCdcChunker : public Chunker {
 public:
  static constexpr size_t kLeastAverage = 1024;

  // REQUIRES: min < average < max <= kMaxChunk, average >= kLeastAverage.
  FastCdcChunker(const Crypto& crypto, size_t min, size_t average, size_t max);

  size_t max_chunk() const override { return max_; }
  size_t Cut(ByteView window, bool at_end, std::span<size_t> ends) const override;
  std::string Parameters() const override;

 private:
  // Where a scan stands: `end` bytes of the chunk are behind it.
  struct Position {
    size_t end;
    uint64_t hash;
    bool found;
  };
  // Goes on to the first end up to `limit` whose hash has no bit of `mask`, or to `limit`.
  Position Advance(const uint8_t* chunk, Position from, size_t limit, uint64_t mask) const;

  // The length of the chunk at the front of `window`, 0 if that is not decided by it.
  size_t ChunkLength(ByteView window, bool at_end) const;

  const size_t min_;
  const size_t average_;
  const size_t max_;
  uint64_t small_mask_;
  uint64_t large_mask_;
  std::array<uint64_t, 256> gear_;
  std::array<uint64_t, 256> gear_shifted_;  // gear_[i] << 1, for the first byte of a step.
};

}  // namespace l2p

#endif  // L2P_PLUGINS_CHUNKING_FASTCDC_FASTCDC_CHUNKER_H_
