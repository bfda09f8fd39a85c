#ifndef L2P_PLUGINS_STORAGE_PACK_SEGMENT_H_
#define L2P_PLUGINS_STORAGE_PACK_SEGMENT_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "l2p/folder.h"
#include "l2p/mutex.h"
#include "pack_format.h"

namespace l2p::pack {

std::string SegmentName(uint32_t number);
std::string IndexName(uint32_t number);
// The number in a name that ends in `suffix` (".segment", ".index"); none if it is no such name.
std::optional<uint32_t> NumberIn(std::string_view name, std::string_view suffix);

// The files of segments, opened when needed; at most kMostOpen stay open. [any thread].
class SegmentFiles {
 public:
  static constexpr size_t kMostOpen = 128;

  explicit SegmentFiles(Folder& folder) : folder_(folder) {}

  // NotFound once the segment has been removed. A reader's file outlives the segment.
  absl::StatusOr<std::shared_ptr<const File>> Get(uint32_t number);
  // Lets go of a segment that is removed. Call it after the removal.
  void Forget(uint32_t number);

 private:
  struct Open {
    std::shared_ptr<const File> file;
    uint64_t used = 0;
  };

  Folder& folder_;
  Mutex mutex_{"SegmentFiles"};
  std::map<uint32_t, Open> open_ L2P_GUARDED_BY(mutex_);
  uint64_t clock_ L2P_GUARDED_BY(mutex_) = 0;      // Counts uses.
  uint64_t forgotten_ L2P_GUARDED_BY(mutex_) = 0;  // Counts calls of Forget.
};

// What a scan of a segment finds.
struct SegmentContent {
  Tag tag{};
  std::vector<IndexEntry> entries;  // Of whole records, in the order of the file.
  uint64_t end = 0;                 // Just past the last of them.
};

enum class ScanDepth {
  kHeads,   // Trusts bodies: for a segment that was synced.
  kBodies,  // Checks every byte: for the end of the log.
};

// Reads a segment through. What is damaged is left out and the next record searched for; DataLoss
// only when neither the segment's header nor its first record tells the tag.
absl::StatusOr<SegmentContent> ScanSegment(const Crypto& crypto, const File& file, uint32_t number,
                                           ScanDepth depth);

// The header of a segment's index, if that is whole and says `segment_size`.
absl::StatusOr<IndexHeader> ReadIndexHeader(const File& index, uint32_t number,
                                            uint64_t segment_size);
// Appends the entries of parts [from, to).
absl::Status ReadIndexParts(const File& index, const IndexHeader& header, size_t from, size_t to,
                            std::vector<IndexEntry>& out);

// All entries of a sealed segment, sorted by key, from its index or, failing that, by a scan.
absl::StatusOr<std::vector<IndexEntry>> LoadEntries(const Crypto& crypto, Folder& folder,
                                                    uint32_t number, uint64_t segment_size);

// The order of an index: by key, then by place.
bool ComesBefore(const IndexEntry& a, const IndexEntry& b);
void SortByKey(std::vector<IndexEntry>& entries);

}  // namespace l2p::pack

#endif  // L2P_PLUGINS_STORAGE_PACK_SEGMENT_H_
