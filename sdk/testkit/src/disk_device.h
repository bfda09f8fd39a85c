#ifndef L2P_TESTKIT_DISK_DEVICE_H_
#define L2P_TESTKIT_DISK_DEVICE_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "disk_file.h"
#include "l2p/mutex.h"
#include "l2p/testkit/memory_disk.h"

namespace l2p::testkit {

struct DiskFolder;

// What a name in a folder stands for: one of the two.
struct DiskEntry {
  std::shared_ptr<DiskFile> file;
  std::shared_ptr<DiskFolder> folder;
};
using DiskEntries = std::map<std::string, DiskEntry, std::less<>>;

struct DiskFolder {
  // A creation has no `removed`, a removal no `added`, a renaming both: it happens or it does not.
  struct Change {
    std::string removed;
    std::string added;
    DiskEntry entry;
  };

  void Apply(Change change);
  void Crash(Fate fate, SplitMix& random);

  DiskEntries now;
  DiskEntries synced;
  std::vector<Change> unsynced;
};

// What is behind every File, Folder and State of a MemoryDisk: the faults and what they hit.
class DiskDevice {
 public:
  class Table;

  // How far an operation that answers `status` goes.
  enum class Effect { kAll, kPart, kNone };
  struct Verdict {
    absl::Status status;
    Effect effect;
  };

  DiskDevice();
  ~DiskDevice();

  // Counts an operation by a handle of `generation` and says what comes of it.
  Verdict Begin(DiskOp op, uint64_t generation, std::string_view what) L2P_REQUIRES(mutex);

  void Crash(uint64_t seed);

  Mutex mutex{"MemoryDisk"};
  DiskSpace space L2P_GUARDED_BY(mutex);
  MemoryDisk::Counts counts L2P_GUARDED_BY(mutex);
  // Handles of an earlier one are dead.
  uint64_t generation L2P_GUARDED_BY(mutex) = 0;
  bool stopped L2P_GUARDED_BY(mutex) = false;
  uint64_t changes_left L2P_GUARDED_BY(mutex) = 0;  // Until the crash point; 0: there is none.
  struct Failure {
    uint64_t operations_left = 0;  // 0: none.
    absl::Status error;
  };
  std::array<Failure, kDiskOps> failures L2P_GUARDED_BY(mutex);
  const std::shared_ptr<DiskFolder> root = std::make_shared<DiskFolder>();
  std::map<std::string, std::unique_ptr<Table>, std::less<>> tables L2P_GUARDED_BY(mutex);
};

// A table of the disk; see State.
class DiskDevice::Table : public State {
 public:
  Table(DiskDevice& device, std::string name) : device_(device), name_(std::move(name)) {}

  absl::StatusOr<std::string> Get(std::string_view key) override;
  absl::StatusOr<std::vector<Row>> Scan(std::string_view prefix, std::string_view after,
                                        size_t most) override;
  absl::Status Commit(std::span<const Change> changes) override;

  // Decides about the commit that was under way.
  void Crash(Fate fate, SplitMix& random);

 private:
  void Apply(std::span<const Change> changes);

  DiskDevice& device_;
  const std::string name_;
  std::map<std::string, std::string, std::less<>> rows_;  // Guarded by device_.mutex.
  std::vector<Change> stopped_;                           // Likewise.
};

// The Folder at `folder`, whose path on the disk is `path` (empty: the root, which no power cut
// closes).
std::unique_ptr<Folder> OpenDiskFolder(DiskDevice& device, std::shared_ptr<DiskFolder> folder,
                                       std::string path, uint64_t generation);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_DISK_DEVICE_H_
