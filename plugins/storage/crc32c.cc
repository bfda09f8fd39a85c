#include "crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace l2p {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // Castagnoli's, bits reversed.

constexpr std::array<uint32_t, 256> MakeByteTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    table[i] = crc;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kByteTable = MakeByteTable();

#if defined(__x86_64__)

// The instruction takes three cycles but starts every cycle, so three stripes are summed at once;
// appending a stripe to another's sum means passing that sum over kStripe zero bytes first.
constexpr size_t kStripe = 2048;

using ShiftTable = std::array<std::array<uint32_t, 256>, 4>;

// [k][b]: the register that starts as byte b in place k, after kStripe zero bytes. CRCs are linear,
// so 32 single bits give every entry.
ShiftTable MakeShiftTable() {
  std::array<uint32_t, 32> bits;
  for (int i = 0; i < 32; ++i) {
    uint32_t crc = uint32_t{1} << i;
    for (size_t n = 0; n < kStripe; ++n) crc = (crc >> 8) ^ kByteTable[crc & 0xff];
    bits[i] = crc;
  }
  ShiftTable table{};
  for (int place = 0; place < 4; ++place) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      for (int bit = 0; bit < 8; ++bit) {
        if ((byte >> bit & 1) != 0) table[place][byte] ^= bits[place * 8 + bit];
      }
    }
  }
  return table;
}

uint32_t PassStripe(const ShiftTable& table, uint32_t crc) {
  return table[0][crc & 0xff] ^ table[1][crc >> 8 & 0xff] ^ table[2][crc >> 16 & 0xff] ^
         table[3][crc >> 24];
}

uint64_t LoadWord(const uint8_t* from) {
  uint64_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

__attribute__((target("sse4.2"))) uint32_t ExtendByInstruction(uint32_t crc, ByteView bytes) {
  static const ShiftTable kShift = MakeShiftTable();
  const uint8_t* at = bytes.data();
  size_t left = bytes.size();
  uint64_t first = ~crc;
  while (left >= 3 * kStripe) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (size_t i = 0; i < kStripe; i += 8) {
      first = _mm_crc32_u64(first, LoadWord(at + i));
      second = _mm_crc32_u64(second, LoadWord(at + kStripe + i));
      third = _mm_crc32_u64(third, LoadWord(at + 2 * kStripe + i));
    }
    first = PassStripe(kShift, static_cast<uint32_t>(first)) ^ second;
    first = PassStripe(kShift, static_cast<uint32_t>(first)) ^ third;
    at += 3 * kStripe;
    left -= 3 * kStripe;
  }
  for (; left >= 8; at += 8, left -= 8) first = _mm_crc32_u64(first, LoadWord(at));
  uint32_t sum = static_cast<uint32_t>(first);
  for (; left > 0; ++at, --left) sum = _mm_crc32_u8(sum, *at);
  return ~sum;
}

#endif  // defined(__x86_64__)

}  // namespace

uint32_t ExtendCrc32cPortably(uint32_t crc, ByteView bytes) {
  crc = ~crc;
  for (uint8_t byte : bytes) crc = (crc >> 8) ^ kByteTable[(crc ^ byte) & 0xff];
  return ~crc;
}

uint32_t ExtendCrc32c(uint32_t crc, ByteView bytes) {
#if defined(__x86_64__)
  static const bool kHasInstruction = __builtin_cpu_supports("sse4.2");
  if (kHasInstruction) return ExtendByInstruction(crc, bytes);
#endif
  return ExtendCrc32cPortably(crc, bytes);
}

}  // namespace l2p
