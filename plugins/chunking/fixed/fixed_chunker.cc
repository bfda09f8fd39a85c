#include "fixed_chunker.h"

namespace l2p {

size_t FixedChunker::Cut(ByteView window, bool at_end, std::span<size_t> ends) const {
  size_t count = 0;
  size_t start = 0;
  while (count < ends.size() && start < window.size()) {
    if (window.size() - start < size_) {
      if (at_end) ends[count++] = window.size();
      break;
    }
    start += size_;
    ends[count++] = start;
  }
  return count;
}

std::string FixedChunker::Parameters() const { return "fixed-" + std::to_string(size_); }

}  // namespace l2p
