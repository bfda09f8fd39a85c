#ifndef L2P_TESTKIT_DISK_FILE_H_
#define L2P_TESTKIT_DISK_FILE_H_

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "l2p/bytes.h"
#include "split_mix.h"

namespace l2p::testkit {

// What a power cut does to everything that is volatile on a disk.
enum class Fate { kLost, kKept, kMixed };

// The pages in use on a disk of limited size.
struct DiskSpace {
  uint64_t capacity = uint64_t{1} << 40;
  uint64_t used = 0;
};

// The bytes of one file on a MemoryDisk. Since the last Sync every dirty page and the size remember
// the values they had, since a power cut may bring back any of them. Guarded by the disk's Mutex.
class DiskFile {
 public:
  static constexpr uint64_t kPage = 4096;
  static constexpr uint64_t kSector = 512;

  explicit DiskFile(DiskSpace& space) : space_(space) {}

  uint64_t size() const { return sizes_.back(); }
  size_t Read(uint64_t offset, MutableByteView into) const;

  // False when the disk is full: a first part is written then.
  bool Write(uint64_t offset, ByteView bytes);
  void Resize(uint64_t size);
  void Sync();

  // Chooses what is left after the power cut; nothing is volatile any more.
  void Crash(Fate fate, SplitMix& random);

  // The file has no name any more: its space counts as free.
  void Unlink();
  // Counts its pages again, after a power cut.
  void Link();

 private:
  using PageBytes = std::array<uint8_t, kPage>;
  struct Page {
    PageBytes now{};
    std::vector<PageBytes> older;  // When dirty: [0] is the synced value, then the later ones.
    bool counted = false;
  };

  Page& Dirty(uint64_t index);
  bool Count(Page& page);
  void Uncount(Page& page);
  void SetSize(uint64_t size);
  void Clear(uint64_t from);
  void DropPagesBeyondEnd();

  DiskSpace& space_;
  bool linked_ = true;
  std::vector<uint64_t> sizes_{0};  // [0] is the synced one, back() the one in force.
  std::map<uint64_t, Page> pages_;  // A missing one is all zero.
  std::set<uint64_t> dirty_;
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_DISK_FILE_H_
