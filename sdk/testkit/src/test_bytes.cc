#include <algorithm>
#include <cstring>

#include "l2p/testkit/conformance.h"

namespace l2p::testkit {

namespace {

uint64_t Mixed(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

// SplitMix64, eight bytes a step. It begins at the mixed seed: begun at the seed itself,
// neighbouring seeds would give the same bytes, eight further on.
std::string TestBytes(uint64_t seed, size_t size) {
  std::string bytes(size, '\0');
  uint64_t state = Mixed(Mixed(seed + 1) + 0x9e3779b97f4a7c15u);
  for (size_t at = 0; at < size; at += 8) {
    state += 0x9e3779b97f4a7c15u;
    const uint64_t z = Mixed(state);
    std::memcpy(bytes.data() + at, &z, std::min<size_t>(8, size - at));
  }
  return bytes;
}

}  // namespace l2p::testkit
