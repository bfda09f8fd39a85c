#include <cstring>

#include "l2p/testkit/conformance.h"

namespace l2p::testkit {

// SplitMix64, eight bytes a step.
std::string TestBytes(uint64_t seed, size_t size) {
  std::string bytes(size, '\0');
  uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
  for (size_t at = 0; at < size; at += 8) {
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    std::memcpy(bytes.data() + at, &z, std::min<size_t>(8, size - at));
  }
  return bytes;
}

}  // namespace l2p::testkit
