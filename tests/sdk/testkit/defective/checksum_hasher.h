#ifndef L2P_TESTS_SDK_TESTKIT_DEFECTIVE_CHECKSUM_HASHER_H_
#define L2P_TESTS_SDK_TESTKIT_DEFECTIVE_CHECKSUM_HASHER_H_

#include "l2p/hasher.h"

namespace l2p {

// FNV-1a, spread over 32 bytes: a hasher that keeps the contract (which says nothing of strength),
// for others to break it in one point.
class ChecksumHasher : public Hasher {
 public:
  HashCode code() const override { return static_cast<HashCode>(0x1013); }
  size_t digest_size() const override { return 32; }
  void Hash(std::span<const ByteView> inputs, MutableByteView digests) const override {
    for (size_t i = 0; i < inputs.size(); ++i) Spread(Sum(kStart, inputs[i]), digests, i);
  }

 protected:
  static constexpr uint64_t kStart = 0xcbf29ce484222325;

  static uint64_t Sum(uint64_t state, ByteView input) {
    for (const uint8_t byte : input) state = (state ^ byte) * 0x100000001b3;
    return state;
  }
  static void Spread(uint64_t state, MutableByteView digests, size_t i) {
    for (size_t b = 0; b < 32; ++b) digests[i * 32 + b] = static_cast<uint8_t>(state >> b % 8 * 8);
  }
};

}  // namespace l2p

#endif  // L2P_TESTS_SDK_TESTKIT_DEFECTIVE_CHECKSUM_HASHER_H_
