#ifndef L2P_PLUGINS_CHUNKING_NIBBLECDC_NIBBLE_GEAR_H_
#define L2P_PLUGINS_CHUNKING_NIBBLECDC_NIBBLE_GEAR_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "l2p/crypto.h"

namespace l2p {

// The rolling hash h of nibble_cdc_chunker.h, and the search in it. [any thread]
class NibbleGear {
 public:
  static constexpr size_t kWindow = 64;  // Bytes that a hash depends on.

  // How many places are hashed at once; the answers are the same.
  enum class Lanes { kOne, kSixteen };
  // As many as this processor can.
  static Lanes MostLanes();

  // REQUIRES: the processor has AVX-512F if `lanes` is kSixteen.
  NibbleGear(const Crypto& crypto, Lanes lanes);

  // The first e in (from, to] with h(e) < limit, else 0. REQUIRES: from >= kWindow.
  size_t FirstBelow(const uint8_t* data, size_t from, size_t to, uint32_t limit) const;

 private:
  size_t FirstBelowByOne(const uint8_t* data, size_t from, size_t to, uint32_t limit) const;
  size_t FirstBelowBySixteen(const uint8_t* data, size_t from, size_t to, uint32_t limit) const;

  const Lanes lanes_;
  alignas(64) std::array<uint32_t, 16> of_nibble_;  // G of each nibble.
  std::array<uint32_t, 256> of_byte_;
};

}  // namespace l2p

#endif  // L2P_PLUGINS_CHUNKING_NIBBLECDC_NIBBLE_GEAR_H_
