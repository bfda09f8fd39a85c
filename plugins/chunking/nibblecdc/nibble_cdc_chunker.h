#ifndef L2P_PLUGINS_CHUNKING_NIBBLECDC_NIBBLE_CDC_CHUNKER_H_
#define L2P_PLUGINS_CHUNKING_NIBBLECDC_NIBBLE_CDC_CHUNKER_H_

#include "l2p/chunker.h"
#include "l2p/crypto.h"
#include "nibble_gear.h"

namespace l2p {

// Content-defined chunking at the speed of memory: FastCDC's normalised chunking (see fastcdc) over
// a gear hash of nibbles that the bytes are folded into, so that its table fits one vector
// register, and whose values have 32 bits, so that sixteen places of a file are hashed at once.
// Each is added to the one of 32 bytes before: a window of 32 bytes sees too little of what has few
// different bytes, and cuts it into larger chunks. The fold takes no common alphabet (digits, one
// half of a byte, both halves alike) to one nibble, as that would have no cuts.
//
// What fixes the cuts (any change of it needs a new name in Parameters()):
//   N[c]    (c xor floor(c / 8) xor floor(c / 16)) mod 16
//   G[i]    bytes 0 .. 3, big-endian, of SHA-256(the single byte i), i = 0 .. 15
//   h(e)    over the 64 bytes before e: the sum of G[N[byte at e - 1 - j]] << (j mod 32),
//           j = 0 .. 63, mod 2^32
//   b       floor(log2(average)); small = 2^(32 - (b + 2)), large = 2^(32 - (b - 2))
//   end     the first e > min with h(e) < (e <= average ? small : large); else max, or the end of
//           the file
class NibbleCdcChunker : public Chunker {
 public:
  static constexpr size_t kLeastMin = 64;
  static constexpr size_t kLeastAverage = 1024;

  // REQUIRES: kLeastMin <= min < average < max <= kMaxChunk, average >= kLeastAverage.
  NibbleCdcChunker(const Crypto& crypto, size_t min, size_t average, size_t max,
                   NibbleGear::Lanes lanes = NibbleGear::MostLanes());

  size_t max_chunk() const override { return max_; }
  size_t Cut(ByteView window, bool at_end, std::span<size_t> ends) const override;
  std::string Parameters() const override;

 private:
  // The length of the chunk at the front of `window`, 0 if that is not decided by it.
  size_t ChunkLength(ByteView window, bool at_end) const;

  const size_t min_;
  const size_t average_;
  const size_t max_;
  const uint32_t small_;
  const uint32_t large_;
  const NibbleGear gear_;
};

}  // namespace l2p

#endif  // L2P_PLUGINS_CHUNKING_NIBBLECDC_NIBBLE_CDC_CHUNKER_H_
