#ifndef L2P_FOLDER_H_
#define L2P_FOLDER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "l2p/bytes.h"
#include "l2p/status.h"

namespace l2p {

// A File is open for reading and writing, at offsets. [any thread]; overlapping writes to one range
// are the caller's to avoid. What was written is lost at a power cut unless Sync returned OK after.
class L2P_SDK_API File {
 public:
  virtual ~File();

  // Reads up to into.size() bytes at `offset`; fewer only at the end of the file.
  virtual absl::StatusOr<size_t> Read(uint64_t offset, MutableByteView into) const = 0;

  // Writes all `parts`, one after another, from `offset` on; grows the file. On error any part of
  // the range may have been written. ResourceExhausted: the disk is full.
  virtual absl::Status Write(uint64_t offset, std::span<const ByteView> parts) = 0;

  // Makes the file's bytes and size durable (fdatasync). The file's *name* is durable after
  // Folder::Sync.
  virtual absl::Status Sync() = 0;

  virtual absl::StatusOr<uint64_t> Size() const = 0;
  virtual absl::Status Resize(uint64_t size) = 0;
};

// A Folder is a plugin's or the kernel's place on disk: a POSIX folder in a node, memory in the
// simulator, with a layer in tests that loses, reorders and tears what was not synced, fills up and
// fails. Names are single path components: no '/', no "." or "..".
//
// [any thread].
class L2P_SDK_API Folder {
 public:
  enum class Mode {
    kRead,    // The file must exist; Write fails.
    kWrite,   // The file must exist.
    kCreate,  // Created empty if missing.
    kNew,     // AlreadyExists if it is there.
  };

  virtual ~Folder();

  // NotFound when the file is missing.
  virtual absl::StatusOr<std::unique_ptr<File>> Open(std::string_view name, Mode mode) = 0;

  // The folder `name` inside this one, made if missing.
  virtual absl::StatusOr<std::unique_ptr<Folder>> OpenFolder(std::string_view name) = 0;

  // Names of files and folders, sorted bytewise.
  virtual absl::StatusOr<std::vector<std::string>> List() = 0;

  // Replaces `to` atomically. Durable after Sync.
  virtual absl::Status Rename(std::string_view from, std::string_view to) = 0;

  // Removes a file, or a folder with all that is in it; NotFound when missing. Durable after Sync.
  virtual absl::Status Remove(std::string_view name) = 0;

  // Makes creations, renames and removals in this folder durable.
  virtual absl::Status Sync() = 0;

  // Bytes free on the disk below, and its size.
  struct Space {
    uint64_t free = 0;
    uint64_t total = 0;
  };
  virtual absl::StatusOr<Space> Free() = 0;
};

// Reads a whole file; ResourceExhausted when it is larger than `limit`.
L2P_SDK_API absl::StatusOr<std::string> ReadFile(Folder& folder, std::string_view name,
                                                 size_t limit);

// Replaces `name` by a file with `content`: written beside it, synced, renamed, folder synced.
L2P_SDK_API absl::Status WriteFileDurably(Folder& folder, std::string_view name, ByteView content);

}  // namespace l2p

#endif  // L2P_FOLDER_H_
