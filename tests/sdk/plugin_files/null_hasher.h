#ifndef L2P_TESTS_SDK_PLUGIN_FILES_NULL_HASHER_H_
#define L2P_TESTS_SDK_PLUGIN_FILES_NULL_HASHER_H_

#include <algorithm>

#include "l2p/hasher.h"

namespace l2p {

// A hasher whose every digest is `fill`, so that a test sees which code it runs.
class NullHasher : public Hasher {
 public:
  explicit NullHasher(uint8_t fill) : fill_(fill) {}
  HashCode code() const override { return static_cast<HashCode>(0x300000); }
  size_t digest_size() const override { return 1; }
  void Hash(std::span<const ByteView>, MutableByteView digests) const override {
    std::fill(digests.begin(), digests.end(), fill_);
  }

 private:
  const uint8_t fill_;
};

}  // namespace l2p

#endif  // L2P_TESTS_SDK_PLUGIN_FILES_NULL_HASHER_H_
