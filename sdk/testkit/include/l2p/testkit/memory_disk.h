#ifndef L2P_TESTKIT_MEMORY_DISK_H_
#define L2P_TESTKIT_MEMORY_DISK_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>

#include "l2p/folder.h"
#include "l2p/state.h"

namespace l2p::testkit {

// The sorts of disk operation that are counted and can be made to fail.
enum class DiskOp {
  kRead,        // File::Read, Folder::List, State::Get and Scan.
  kWrite,       // File::Write and Resize.
  kSync,        // File::Sync: an fdatasync.
  kName,        // A file or folder created, renamed or removed.
  kFolderSync,  // Folder::Sync.
  kCommit,      // State::Commit.
};
inline constexpr size_t kDiskOps = 6;

class DiskDevice;

// A MemoryDisk is a disk in memory that forgets as a real one does. Until File::Sync, a file's
// written bytes and size are volatile; until Folder::Sync, names in that folder are (those of
// new folders in their parent too). A State commit is durable when it returned OK. It outlives the
// SimRuntimes built over it, so a node can be restarted on it, and every File and Folder opened.
//
// [any thread].
class MemoryDisk {
 public:
  struct Counts {
    std::array<uint64_t, kDiskOps> of{};  // By DiskOp, failed ones too.
    uint64_t bytes_written = 0;
    uint64_t operator[](DiskOp op) const { return of[static_cast<size_t>(op)]; }
    // Everything but reads: what StopAt counts.
    uint64_t changes() const;
  };

  MemoryDisk();
  ~MemoryDisk();
  MemoryDisk(const MemoryDisk&) = delete;
  MemoryDisk& operator=(const MemoryDisk&) = delete;

  Folder& root();

  // The table called `name`, made if missing; owned by the disk.
  absl::StatusOr<State*> OpenState(std::string_view name);

  // The power cut: of all that is volatile an arbitrary subset, chosen by `seed`, stays. Each
  // unsynced write may be kept or lost in pieces of 4 KiB, or torn at 512 bytes, in any order; each
  // unsynced creation, renaming and removal has happened or not; a commit that was stopped has
  // happened wholly or not at all. Open Files and Folders other than root() answer Aborted from
  // then on. Clears StopAt and FailNth.
  void Crash(uint64_t seed);

  // The `nth` operation of this sort from now on (1: the next) fails with `error`. A failing write
  // may have written a part. One such order per sort; a later one replaces it.
  void FailNth(DiskOp op, uint64_t nth, absl::Status error);

  // The crash point: the `nth` change from now on (see Counts::changes) is under way when the power
  // goes: it and every operation after it, reads too, answer Aborted until Crash.
  void StopAt(uint64_t nth);
  bool stopped() const;

  // Writes beyond this many bytes answer ResourceExhausted. At first 1 TiB. Files count in whole
  // 4 KiB pages that were written.
  void SetCapacity(uint64_t bytes);
  uint64_t used() const;

  Counts counts() const;

 private:
  const std::unique_ptr<DiskDevice> device_;
  std::unique_ptr<Folder> root_;
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_MEMORY_DISK_H_
