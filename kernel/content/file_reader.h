#ifndef L2P_KERNEL_CONTENT_FILE_READER_H_
#define L2P_KERNEL_CONTENT_FILE_READER_H_

#include <functional>
#include <map>
#include <optional>

#include "kernel/content/fetcher.h"
#include "l2p/unixfs.h"

namespace l2p {

// A FileReader reads a range of one file: it walks the file's dag from the left, keeps many blocks
// asked for, and checks that each part is exactly as long as its parent says. A dag whose parts
// overlap or repeat costs no more than the bytes it claims to have, so check size() first.
//
// One task at a time.
class FileReader {
 public:
  struct Options {
    uint64_t first = 0;
    uint64_t last = ~uint64_t{0};  // Inclusive.
    bool in_order = false;         // Hand the bytes over in order.
  };
  using Sink = std::function<absl::Status(uint64_t offset, const Bytes& data)>;
  // Whether the content of block `id`, at `offset`, is there already and need not be read.
  using Present =
      std::function<absl::StatusOr<bool>(const Cid& id, uint64_t offset, uint64_t size)>;

  // `block` is the file's first, named `id`. InvalidArgument when it is no file.
  static absl::StatusOr<FileReader> Open(Fetcher& fetcher, const Cid& id, const Bytes& block);

  uint64_t size() const { return size_; }

  // Each byte of the range goes to `sink` once. `present` may be null.
  absl::Status Read(const Options& options, const Sink& sink, const Present& present);

 private:
  struct Part {  // A subtree that is still to be read.
    Cid cid;
    uint64_t size = 0;
    int depth = 0;
  };
  struct Asked {
    Part part;
    uint64_t offset = 0;
    uint64_t cost = 0;
  };
  struct Run;  // The state of one Read.

  FileReader(Fetcher& fetcher) : fetcher_(&fetcher) {}
  absl::Status AskMore(Run& run);
  absl::Status Open(Run& run, const Asked& asked, const Bytes& block);
  absl::Status Expand(Run& run, const Part& parent, uint64_t offset, const DagNode& node,
                      const UnixFs& message);
  absl::Status Deliver(Run& run, uint64_t offset, Bytes data);

  Fetcher* fetcher_;
  Cid id_;
  Bytes block_;  // The first.
  uint64_t size_ = 0;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_FILE_READER_H_
