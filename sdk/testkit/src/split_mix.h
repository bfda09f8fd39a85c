#ifndef L2P_TESTKIT_SPLIT_MIX_H_
#define L2P_TESTKIT_SPLIT_MIX_H_

#include <cstdint>

namespace l2p::testkit {

// SplitMix64: a small generator that is good from any seed on, 0 and 1 too.
class SplitMix {
 public:
  explicit SplitMix(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }

  // REQUIRES: bound > 0.
  uint64_t Below(uint64_t bound) { return Next() % bound; }

 private:
  uint64_t state_;
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SPLIT_MIX_H_
