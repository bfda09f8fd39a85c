// Cuts every 1000 bytes, but a byte later when the byte behind the cut is even.
#include "l2p/chunker.h"
#include "l2p/plugin.h"

namespace l2p {
namespace {

class PeekingChunker : public Chunker {
 public:
  size_t max_chunk() const override { return 1001; }
  std::string Parameters() const override { return "peeking"; }
  size_t Cut(ByteView window, bool at_end, std::span<size_t> ends) const override {
    size_t count = 0;
    for (size_t start = 0; count < ends.size() && start < window.size();) {
      if (window.size() - start <= 1000) {
        if (at_end) ends[count++] = window.size();
        return count;
      }
      start += window[start + 1000] % 2 == 0 ? 1001 : 1000;
      ends[count++] = start;
    }
    return count;
  }
};

absl::StatusOr<std::unique_ptr<Chunker>> Open(Host&, const Settings&) {
  return std::make_unique<PeekingChunker>();
}

}  // namespace
}  // namespace l2p

L2P_PLUGIN(l2p::Chunker, "peeks", "1.0.0", l2p::kNoSettings, l2p::Open);
