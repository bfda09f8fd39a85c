#include "nibble_gear.h"

#include <algorithm>
#include <bit>
#include <utility>

#ifdef __x86_64__
#ifndef __clang__
// g++ 12 takes what its own intrinsics leave undefined for a mistake of ours.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>
#define L2P_AVX512 __attribute__((target("avx512f")))
// As loops these would keep vectors in memory, which costs a fifth of the speed.
#define L2P_UNROLL_4 _Pragma("GCC unroll 4")
#endif

namespace l2p {
namespace {

// Bytes that a lane reads at a time.
constexpr size_t kStep = 16;
constexpr size_t kLanes = 16;
constexpr size_t kCacheLine = 64;
constexpr size_t kBits = 32;  // Of a hash: rolling forgets a byte after as many.
// Bytes that a lane searches before the answers are looked at. Each lane hashes the 64 bytes before
// its stretch as well, and what lies behind the end in the same turn is searched in vain: between
// them this length costs least.
constexpr size_t kMostStretch = 1024;

uint32_t BigEndian(const uint8_t* bytes) {
  return uint32_t{bytes[0]} << 24 | uint32_t{bytes[1]} << 16 | uint32_t{bytes[2]} << 8 | bytes[3];
}

#ifdef __x86_64__

L2P_AVX512 inline __m128i Load16(const uint8_t* data) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(data));
}

// 16 bytes of each lane as four vectors: element k of `words[j]` is dword j of lane k.
L2P_AVX512 inline void LoadLanes(const uint8_t* data, size_t stride, __m512i words[4]) {
  __m512i rows[4];  // Part q of rows[g] is lane 4q + g.
  L2P_UNROLL_4
  for (size_t g = 0; g < 4; ++g) {
    const uint8_t* const lane = data + g * stride;
    const __m512i half =
        _mm512_inserti32x4(_mm512_castsi128_si512(Load16(lane)), Load16(lane + 4 * stride), 1);
    rows[g] = _mm512_inserti32x4(_mm512_inserti32x4(half, Load16(lane + 8 * stride), 2),
                                 Load16(lane + 12 * stride), 3);
  }
  const __m512i a = _mm512_unpacklo_epi32(rows[0], rows[1]);
  const __m512i b = _mm512_unpackhi_epi32(rows[0], rows[1]);
  const __m512i c = _mm512_unpacklo_epi32(rows[2], rows[3]);
  const __m512i d = _mm512_unpackhi_epi32(rows[2], rows[3]);
  words[0] = _mm512_unpacklo_epi64(a, c);
  words[1] = _mm512_unpackhi_epi64(a, c);
  words[2] = _mm512_unpacklo_epi64(b, d);
  words[3] = _mm512_unpackhi_epi64(b, d);
}

// Rolls the next 16 bytes of all lanes into `hash` and keeps the least sum of each lane. `before`
// has the hashes of 32 bytes earlier, and has these afterwards.
L2P_AVX512 inline void Roll(__m512i table, const uint8_t* data, size_t stride, __m512i& hash,
                            __m512i* before, __m512i& least) {
  __m512i words[4];
  LoadLanes(data, stride, words);
  L2P_UNROLL_4
  for (__m512i word : words) {
    // The nibble of each byte, in its lower half; what comes in from the next byte is above that.
    word = _mm512_xor_si512(
        word, _mm512_xor_si512(_mm512_srli_epi32(word, 3), _mm512_srli_epi32(word, 4)));
    L2P_UNROLL_4
    for (int byte = 0; byte < 4; ++byte) {
      // The permutation looks at the lowest four bits of an index alone.
      const __m512i value = _mm512_permutexvar_epi32(word, table);
      hash = _mm512_add_epi32(_mm512_add_epi32(hash, hash), value);
      least = _mm512_min_epu32(least, _mm512_add_epi32(hash, *before));
      *before++ = hash;
      word = _mm512_srli_epi32(word, 8);
    }
  }
}

// The lanes with a hash below `limit`, as bits; lane k has the `stretch` ends after
// `begin + k * stretch`.
L2P_AVX512 uint32_t LanesBelow(__m512i table, const uint8_t* begin, size_t stretch,
                               uint32_t limit) {
  __m512i hash = _mm512_setzero_si512();
  __m512i least = hash;
  __m512i before[kBits] = {};
  for (size_t at = 0; at < NibbleGear::kWindow; at += kStep) {
    Roll(table, begin - NibbleGear::kWindow + at, stretch, hash, before + at % kBits, least);
  }
  least = _mm512_set1_epi32(-1);
  for (size_t at = 0; at < stretch; at += kStep) {
    // Sixteen short streams are too many for the processor to foresee: it is told what comes after
    // this turn. Beyond the data it is a hint in vain.
    L2P_UNROLL_4
    for (size_t line = 0; line < kLanes * kStep; line += kCacheLine) {
      _mm_prefetch(begin + kLanes * (stretch + at) + line, _MM_HINT_T1);
    }
    Roll(table, begin + at, stretch, hash, before + at % kBits, least);
  }
  return _mm512_cmplt_epu32_mask(least, _mm512_set1_epi32(static_cast<int>(limit)));
}

#endif  // __x86_64__

}  // namespace

NibbleGear::Lanes NibbleGear::MostLanes() {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f")) return Lanes::kSixteen;
#endif
  return Lanes::kOne;
}

NibbleGear::NibbleGear(const Crypto& crypto, Lanes lanes) : lanes_(lanes) {
  for (size_t i = 0; i < of_nibble_.size(); ++i) {
    const uint8_t byte = static_cast<uint8_t>(i);
    const ByteView input(&byte, 1);
    of_nibble_[i] = BigEndian(crypto.Sha256({&input, 1}).data());
  }
  for (size_t c = 0; c < of_byte_.size(); ++c) of_byte_[c] = of_nibble_[(c ^ c >> 3 ^ c >> 4) % 16];
}

size_t NibbleGear::FirstBelow(const uint8_t* data, size_t from, size_t to, uint32_t limit) const {
#ifdef __x86_64__
  if (lanes_ == Lanes::kSixteen) return FirstBelowBySixteen(data, from, to, limit);
#endif
  return FirstBelowByOne(data, from, to, limit);
}

size_t NibbleGear::FirstBelowByOne(const uint8_t* data, size_t from, size_t to,
                                   uint32_t limit) const {
  uint32_t hash = 0;
  uint32_t before[kBits] = {};
  const auto roll = [&](size_t at) {
    hash = (hash << 1) + of_byte_[data[at]];
    return hash + std::exchange(before[at % kBits], hash);
  };
  for (size_t at = from - kWindow; at < from; ++at) roll(at);
  for (size_t at = from; at < to; ++at) {
    if (roll(at) < limit) return at + 1;
  }
  return 0;
}

#ifdef __x86_64__
L2P_AVX512 size_t NibbleGear::FirstBelowBySixteen(const uint8_t* data, size_t from, size_t to,
                                                  uint32_t limit) const {
  const __m512i table = _mm512_load_si512(of_nibble_.data());
  while (to - from >= kLanes * kStep) {
    const size_t stretch = std::min((to - from) / kLanes / kStep * kStep, kMostStretch);
    const uint32_t lanes = LanesBelow(table, data + from, stretch, limit);
    if (lanes != 0) {
      // The earliest lane has the first such end; which of its ends that is, is searched again.
      from += static_cast<size_t>(std::countr_zero(lanes)) * stretch;
      to = from + stretch;
    } else {
      from += kLanes * stretch;
    }
  }
  return FirstBelowByOne(data, from, to, limit);
}
#endif

}  // namespace l2p
