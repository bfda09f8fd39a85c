#ifndef L2P_PLUGINS_CHUNKING_FIXED_FIXED_CHUNKER_H_
#define L2P_PLUGINS_CHUNKING_FIXED_FIXED_CHUNKER_H_

#include "l2p/chunker.h"

namespace l2p {

// Cuts every `size` bytes; the last chunk of a file is what remains.
class FixedChunker : public Chunker {
 public:
  // REQUIRES: 1 <= size <= kMaxChunk.
  explicit FixedChunker(size_t size) : size_(size) {}

  size_t max_chunk() const override { return size_; }
  size_t Cut(ByteView window, bool at_end, std::span<size_t> ends) const override;
  std::string Parameters() const override;

 private:
  const size_t size_;
};

}  // namespace l2p

#endif  // L2P_PLUGINS_CHUNKING_FIXED_FIXED_CHUNKER_H_
