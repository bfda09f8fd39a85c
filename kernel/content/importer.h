#ifndef L2P_KERNEL_CONTENT_IMPORTER_H_
#define L2P_KERNEL_CONTENT_IMPORTER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "kernel/content/block_service.h"
#include "kernel/content/profile.h"
#include "l2p/chunker.h"
#include "l2p/cid.h"
#include "l2p/group.h"
#include "l2p/memory.h"

namespace l2p {

// An Input is what is being put: one file or a tree of files, folders and links, read once in
// order. One task at a time; calls may wait.
class Input {
 public:
  struct Entry {
    enum class Type { kFile, kFolder, kLink };
    Type type = Type::kFile;
    std::string path;    // Relative, '/'-separated, without ".", ".." or empty parts; "" for a lone
                         // file or for the top folder.
    std::string target;  // Of a link.
    uint64_t size = 0;   // Of a file, if the source knows it beforehand; a hint.
  };

  virtual ~Input() = default;

  // The next entry in any order (folders may be missing: they are implied), nullopt at the end.
  virtual absl::StatusOr<std::optional<Entry>> Next() = 0;

  // Reads on in the current file entry; 0 at its end.
  virtual absl::StatusOr<size_t> Read(MutableByteView into) = 0;

  // Bytes of all files, if known beforehand; for progress.
  virtual std::optional<uint64_t> total_bytes() const = 0;
};

// Import cuts, hashes and stores `input` and returns its root. Memory is bounded whatever its size.
// [any thread]; waits.
struct ImportOptions {
  Profile profile;
  std::shared_ptr<Chunker> chunker;  // Leased for the whole import.
  std::shared_ptr<Hasher> hasher;
  bool only_hash = false;  // Nothing is stored.
  Duration read_deadline = absl::Hours(24);
};

struct ImportResult {
  Cid root;
  uint64_t content_bytes = 0;
  uint64_t dag_bytes = 0;  // Of all blocks, each counted once per occurrence.
};

// Called in order as groups are complete: each group's blocks are in the store (not yet durable)
// and are kept by `operation`. An error ends the import with it. The group of the root comes last.
using GroupSink = std::function<absl::Status(Group group)>;
// Called now and then with the content bytes read so far.
using ReadProgress = std::function<void(uint64_t bytes)>;

// `operation` is null exactly when only_hash.
absl::StatusOr<ImportResult> Import(Runtime& runtime, Memory& memory,
                                    BlockService::Operation* operation,
                                    const ImportOptions& options, Input& input,
                                    const GroupSink& on_group, const ReadProgress& on_read);

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_IMPORTER_H_
