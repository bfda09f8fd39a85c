#ifndef @NAME@_CHUNKER_H_
#define @NAME@_CHUNKER_H_

#include <string>

#include "l2p/chunker.h"

namespace @name@ {

// Cuts at ends of lines, so that an edited line changes one chunk. A chunk has at least `least` bytes
// (the last one of a file may have fewer) and at most four times as many.
class @Name@Chunker : public l2p::Chunker {
 public:
  explicit @Name@Chunker(size_t least) : least_(least) {}

  size_t max_chunk() const override { return 4 * least_; }
  size_t Cut(l2p::ByteView window, bool at_end, std::span<size_t> ends) const override;
  std::string Parameters() const override;

 private:
  // The length of the chunk at the start of `rest`; 0 while more bytes are needed to know it.
  size_t Length(l2p::ByteView rest, bool at_end) const;

  const size_t least_;
};

}  // namespace @name@

#endif  // @NAME@_CHUNKER_H_
