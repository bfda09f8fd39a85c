#include "nibble_cdc_chunker.h"

#include <algorithm>
#include <bit>

namespace l2p {
namespace {

uint32_t LimitOfOnes(int ones) { return uint32_t{1} << (32 - ones); }
int BitsOf(size_t average) { return std::bit_width(average) - 1; }

}  // namespace

NibbleCdcChunker::NibbleCdcChunker(const Crypto& crypto, size_t min, size_t average, size_t max,
                                   NibbleGear::Lanes lanes)
    : min_(min),
      average_(average),
      max_(max),
      small_(LimitOfOnes(BitsOf(average) + 2)),
      large_(LimitOfOnes(BitsOf(average) - 2)),
      gear_(crypto, lanes) {}

size_t NibbleCdcChunker::ChunkLength(ByteView window, bool at_end) const {
  const size_t limit = std::min(window.size(), max_);
  if (limit > min_) {
    const size_t middle = std::min(limit, average_);
    size_t end = gear_.FirstBelow(window.data(), min_, middle, small_);
    if (end == 0) end = gear_.FirstBelow(window.data(), middle, limit, large_);
    if (end != 0) return end;
  }
  return limit == max_ || at_end ? limit : 0;
}

size_t NibbleCdcChunker::Cut(ByteView window, bool at_end, std::span<size_t> ends) const {
  size_t count = 0;
  size_t start = 0;
  while (count < ends.size() && start < window.size()) {
    const size_t length = ChunkLength(window.subspan(start), at_end);
    if (length == 0) break;
    start += length;
    ends[count++] = start;
  }
  return count;
}

std::string NibbleCdcChunker::Parameters() const {
  return "nibblecdc-v3-" + std::to_string(min_) + "-" + std::to_string(average_) + "-" +
         std::to_string(max_);
}

}  // namespace l2p
