#include "fastcdc_chunker.h"

#include <algorithm>
#include <bit>

namespace l2p {
namespace {

// The ones are spread so that a cut depends on a window of many bytes: bit i of a gear hash is
// decided by the last i + 1 of them. Bit 63 stays free, as a step of two bytes shifts the mask.
uint64_t SpreadMask(int ones) {
  uint64_t mask = 0;
  for (int k = 0; k < ones; ++k) mask |= uint64_t{1} << (16 + k * 46 / (ones - 1));
  return mask;
}

}  // namespace

FastCdcChunker::FastCdcChunker(const Crypto& crypto, size_t min, size_t average, size_t max)
    : min_(min), average_(average), max_(max) {
  const int bits = std::bit_width(average) - 1;
  small_mask_ = SpreadMask(bits + 2);
  large_mask_ = SpreadMask(bits - 2);
  for (size_t i = 0; i < gear_.size(); ++i) {
    const uint8_t byte = static_cast<uint8_t>(i);
    const ByteView input(&byte, 1);
    const Sha256Digest digest = crypto.Sha256({&input, 1});
    uint64_t value = 0;
    for (size_t k = 0; k < 8; ++k) value = value << 8 | digest[k];
    gear_[i] = value;
    gear_shifted_[i] = value << 1;
  }
}

FastCdcChunker::Position FastCdcChunker::Advance(const uint8_t* chunk, Position from, size_t limit,
                                                 uint64_t mask) const {
  const uint64_t shifted_mask = mask << 1;
  uint64_t hash = from.hash;
  size_t at = from.end;
  // Two bytes a step: after the first byte the hash is held shifted by one, so both bytes cost one
  // shift and the chain of dependent operations is shorter.
  for (; at + 2 <= limit; at += 2) {
    hash = (hash << 2) + gear_shifted_[chunk[at]];
    if ((hash & shifted_mask) == 0) return {at + 1, hash >> 1, true};
    hash += gear_[chunk[at + 1]];
    if ((hash & mask) == 0) return {at + 2, hash, true};
  }
  if (at < limit) {
    hash = (hash << 1) + gear_[chunk[at]];
    return {at + 1, hash, (hash & mask) == 0};
  }
  return {at, hash, false};
}

size_t FastCdcChunker::ChunkLength(ByteView window, bool at_end) const {
  const size_t limit = std::min(window.size(), max_);
  const bool limit_is_end = limit == max_ || at_end;
  if (limit > min_) {
    Position position{min_, 0, false};
    position = Advance(window.data(), position, std::min(limit, average_), small_mask_);
    if (!position.found) position = Advance(window.data(), position, limit, large_mask_);
    if (position.found) return position.end;
  }
  return limit_is_end ? limit : 0;
}

size_t FastCdcChunker::Cut(ByteView window, bool at_end, std::span<size_t> ends) const {
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

std::string FastCdcChunker::Parameters() const {
  return "fastcdc-v1-" + std::to_string(min_) + "-" + std::to_string(average_) + "-" +
         std::to_string(max_);
}

}  // namespace l2p
