#ifndef L2P_KERNEL_CONTENT_EXPORTER_H_
#define L2P_KERNEL_CONTENT_EXPORTER_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/content/block_source.h"
#include "kernel/content/hashers.h"
#include "kernel/content/opened_block.h"
#include "l2p/memory.h"
#include "l2p/unixfs.h"

namespace l2p {

struct ListedEntry {
  std::string name;
  Cid id;
  uint64_t tsize = 0;
};

// Where `Export` writes. Offsets in one file come in any order, each byte once.
class Output {
 public:
  virtual ~Output() = default;
  // Paths as in Input::Entry; a parent comes before its children. Sizes are known beforehand.
  virtual absl::Status Folder(std::string_view path) = 0;
  virtual absl::Status Link(std::string_view path, std::string_view target) = 0;
  virtual absl::Status BeginFile(std::string_view path, uint64_t size) = 0;
  virtual absl::Status Write(uint64_t offset, const Bytes& data) = 0;
  // Ranges of the current file that are there already (an earlier, interrupted get), to be read
  // back and verified instead of fetched; 0 read = nothing there.
  virtual absl::StatusOr<size_t> ReadBack(uint64_t offset, MutableByteView into) = 0;
  virtual absl::Status EndFile() = 0;
};

// Reading of dags through a BlockSource, every block verified by the source. All wait, none past
// `deadline`. Errors: NotFound (a path part, or no holder is known), Unavailable, DataLoss (a dag
// that contradicts itself), InvalidArgument (not UnixFS), ResourceExhausted (a cap). After an error
// the source is not used again: blocks that were asked for may still arrive there.
absl::StatusOr<Cid> ResolvePath(BlockSource& source, const Cid& root, std::string_view path,
                                Time deadline);
absl::StatusOr<Stat> StatOf(BlockSource& source, const Cid& id, Time deadline);
absl::Status List(BlockSource& source, const Cid& id,
                  const std::function<absl::Status(const ListedEntry&)>& sink, Time deadline);

// Content bytes first..last (inclusive) of a file, in order.
absl::Status ReadRange(BlockSource& source, const Cid& id, uint64_t first, uint64_t last,
                       const std::function<absl::Status(const Bytes&)>& sink, Time deadline);

// A whole file or tree. `max_entries` and `max_bytes` bound what a hostile dag can make of it;
// names that could lead out of the target ("..", with '/', over 255 bytes) end it with
// InvalidArgument. With `hashers`, what the output has already is read back, verified and not
// fetched again.
struct ExportLimits {
  uint64_t max_bytes = uint64_t{1} << 50;
  uint64_t max_entries = 10'000'000;
};
absl::Status Export(BlockSource& source, const Cid& id, Output& output, const ExportLimits& limits,
                    Time deadline, const Hashers* hashers = nullptr);

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_EXPORTER_H_
