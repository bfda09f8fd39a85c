#ifndef L2P_CHUNKER_H_
#define L2P_CHUNKER_H_

#include <span>
#include <string>

#include "l2p/bytes.h"

namespace l2p {

// A Chunker decides where a file is cut into chunks. Its cuts depend on the bytes alone, so equal
// files are cut equally everywhere.
//
// [any thread]; calls may overlap; no state between calls, no waiting.
class L2P_SDK_API Chunker {
 public:
  static constexpr char kKind[] = "chunking";
  // No chunk is larger: it must fit a block (2 MiB) in every format.
  static constexpr size_t kMaxChunk = 2 * 1024 * 1024;

  virtual ~Chunker();

  // The largest chunk it ever cuts, in bytes; 1 .. kMaxChunk.
  virtual size_t max_chunk() const = 0;

  // Finds the ends of the chunks in `window`, which starts at a chunk's first byte. Writes each end
  // (offset just past the chunk's last byte, ascending) to `ends` and returns how many: as many as
  // are decided by the bytes in `window`, up to ends.size(). With `at_end` the file ends with the
  // window: the last chunk ends at window.size(). Without it, a chunk is decided when its end and
  // all bytes it depends on are in the window; at least one is if window.size() >= max_chunk().
  // An empty window has no chunks. Where a chunk ends depends on nothing past that end.
  virtual size_t Cut(ByteView window, bool at_end, std::span<size_t> ends) const = 0;

  // Names the algorithm and its settings, "fixed-1048576". Two chunkers with the same string make
  // the same cuts for ever.
  virtual std::string Parameters() const = 0;
};

}  // namespace l2p

#endif  // L2P_CHUNKER_H_
