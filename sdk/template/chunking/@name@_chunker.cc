#include "@name@_chunker.h"

#include <algorithm>

namespace @name@ {

size_t @Name@Chunker::Length(l2p::ByteView rest, bool at_end) const {
  const size_t most = std::min(rest.size(), max_chunk());
  // What decides is the byte before the cut: nothing past the cut counts, as the contract asks.
  for (size_t length = least_; length <= most; ++length) {
    if (rest[length - 1] == '\n') return length;
  }
  if (rest.size() >= max_chunk()) return max_chunk();
  return at_end ? rest.size() : 0;
}

size_t @Name@Chunker::Cut(l2p::ByteView window, bool at_end, std::span<size_t> ends) const {
  size_t count = 0;
  size_t begin = 0;
  while (count < ends.size() && begin < window.size()) {
    const size_t length = Length(window.subspan(begin), at_end);
    if (length == 0) break;
    begin += length;
    ends[count++] = begin;
  }
  return count;
}

// Two chunkers with the same string make the same cuts for ever: change the name with the rule.
std::string @Name@Chunker::Parameters() const { return "@name@-" + std::to_string(least_); }

}  // namespace @name@
