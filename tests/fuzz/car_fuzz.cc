#include <algorithm>

#include "fuzz_check.h"
#include "l2p/car.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t step = 1 + data[0];  // How much the source gives at a time.
  size_t at = 1;
  l2p::CarReader reader([&](l2p::MutableByteView into) -> absl::StatusOr<size_t> {
    const size_t count = std::min({step, into.size(), size - at});
    std::copy_n(data + at, count, into.data());
    at += count;
    return count;
  });
  if (!reader.ReadRoots().ok()) return 0;
  size_t total = 0;
  while (true) {
    absl::StatusOr<std::optional<l2p::CarBlock>> block = reader.Next();
    if (!block.ok() || !block->has_value()) break;
    total += (*block)->data.size();
  }
  L2P_FUZZ_CHECK(total <= size);
  return 0;
}
