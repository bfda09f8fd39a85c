// Opening a pack: every sealed segment is known by its index, the last one is read through.
#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "pack_log.h"

namespace l2p::pack {
namespace {

// Entries that are sorted at a time: what opening takes in memory beside the table itself.
constexpr uint64_t kEntriesPerPass = 256 * 1024;

// An entry and its segment, compared in the order of the log within one key.
struct Found {
  IndexEntry entry;
  uint32_t segment;
};

bool Before(const Found& a, const Found& b) {
  const std::strong_ordering order = a.entry.key <=> b.entry.key;
  if (order != 0) return order < 0;
  return std::tie(a.segment, a.entry.unit) < std::tie(b.segment, b.entry.unit);
}

}  // namespace

class PackLog::Recovery {
 public:
  explicit Recovery(PackLog& log) : log_(log), folder_(log.folder_) {}

  absl::Status Run() {
    L2P_RETURN_IF_ERROR(ListFiles());
    for (size_t i = 0; i < numbers_.size(); ++i) {
      const bool last = i + 1 == numbers_.size();
      L2P_RETURN_IF_ERROR(AddSegment(numbers_[i], last));
    }
    // A damaged part of an index shows only when it is read: then that segment is scanned, and all
    // is merged anew.
    for (;;) {
      Clear();
      L2P_ASSIGN_OR_RETURN(const bool merged, MergeAll());
      if (merged) return absl::OkStatus();
    }
  }

 private:
  struct Source {
    uint32_t number = 0;
    uint64_t size = 0;
    uint64_t index_bytes = 0;
    bool scanned = false;
    IndexHeader header;               // Unless scanned.
    std::vector<IndexEntry> entries;  // If scanned: sorted by key.
  };

  absl::Status ListFiles() {
    L2P_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder_.List());
    std::vector<uint32_t> indexes;
    for (const std::string& name : names) {
      if (const auto number = NumberIn(name, ".segment")) {
        numbers_.push_back(*number);
      } else if (const auto number = NumberIn(name, ".index")) {
        indexes.push_back(*number);
      } else if (name.ends_with(".new")) {
        L2P_RETURN_IF_ERROR(folder_.Remove(name));
      } else if (name == "reserve") {
        L2P_RETURN_IF_ERROR(CheckReserve());
      }
    }
    for (uint32_t number : numbers_) log_.next_number_ = std::max(log_.next_number_, number + 1);
    for (uint32_t number : indexes) {
      log_.next_number_ = std::max(log_.next_number_, number + 1);
      if (std::binary_search(numbers_.begin(), numbers_.end(), number)) continue;
      L2P_RETURN_IF_ERROR(folder_.Remove(IndexName(number)));
    }
    return absl::OkStatus();
  }

  absl::Status CheckReserve() {
    L2P_ASSIGN_OR_RETURN(std::unique_ptr<File> file, folder_.Open("reserve", Folder::Mode::kRead));
    L2P_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
    if (size != log_.options_.reserve_bytes) return folder_.Remove("reserve");
    MutexLock lock(log_.mutex_);
    log_.has_reserve_ = true;
    return absl::OkStatus();
  }

  absl::Status AddSegment(uint32_t number, bool last) {
    Source source;
    source.number = number;
    L2P_ASSIGN_OR_RETURN(std::shared_ptr<File> file,
                         folder_.Open(SegmentName(number), Folder::Mode::kWrite));
    L2P_ASSIGN_OR_RETURN(source.size, file->Size());
    const auto index = folder_.Open(IndexName(number), Folder::Mode::kRead);
    if (index.ok()) {
      const auto header = ReadIndexHeader(**index, number, source.size);
      if (header.ok()) {
        source.header = *header;
        source.index_bytes = kIndexHeader + header->entries() * kIndexEntry;
        sources_.push_back(std::move(source));
        return absl::OkStatus();
      }
    }
    if (!last) {
      L2P_RETURN_IF_ERROR(Reindex(source, *file));
      sources_.push_back(std::move(source));
      return absl::OkStatus();
    }
    return AddHead(std::move(source), std::move(file));
  }

  // Scans a sealed segment and writes its index again. A segment that tells nothing holds nothing
  // that could be found: compaction removes it.
  absl::Status Reindex(Source& source, File& file) {
    // Its index may be missing because the last run ended before a sync.
    L2P_RETURN_IF_ERROR(file.Sync());
    absl::StatusOr<SegmentContent> content =
        ScanSegment(log_.host_.crypto(), file, source.number, ScanDepth::kHeads);
    if (absl::IsDataLoss(content.status())) {
      log_.host_.Log(Severity::kError, content.status().ToString());
      content = SegmentContent();
    }
    L2P_RETURN_IF_ERROR(content.status());
    source.scanned = true;
    source.entries = std::move(content->entries);
    SortByKey(source.entries);
    const std::string index = EncodeIndex(content->tag, source.number, source.size, source.entries);
    const absl::Status status = WriteFileDurably(folder_, IndexName(source.number), AsBytes(index));
    if (status.ok()) source.index_bytes = index.size();
    log_.host_.Log(Severity::kWarning,
                   absl::StrCat(IndexName(source.number), ": missing or damaged, made again with ",
                                source.entries.size(), " entries"));
    return absl::OkStatus();
  }

  // The end of the log: what was being written when the node stopped is cut off.
  absl::Status AddHead(Source source, std::shared_ptr<File> file) {
    absl::StatusOr<SegmentContent> content =
        ScanSegment(log_.host_.crypto(), *file, source.number, ScanDepth::kBodies);
    if (absl::IsDataLoss(content.status())) {
      // Its header is synced before its first record is written: nothing was ever in it.
      file.reset();
      return folder_.Remove(SegmentName(source.number));
    }
    L2P_RETURN_IF_ERROR(content.status());
    if (content->end < source.size) {
      log_.host_.Log(Severity::kInfo, absl::StrCat(SegmentName(source.number), ": cut off ",
                                                   source.size - content->end, " torn bytes"));
      L2P_RETURN_IF_ERROR(file->Resize(content->end));
      L2P_RETURN_IF_ERROR(file->Sync());
      source.size = content->end;
    }
    log_.head_ = Head{source.number, file, content->tag, source.size, content->entries};
    {
      MutexLock lock(log_.mutex_);
      log_.head_number_ = source.number;
      log_.head_file_ = std::move(file);
    }
    source.scanned = true;
    source.entries = std::move(content->entries);
    SortByKey(source.entries);
    sources_.push_back(std::move(source));
    return absl::OkStatus();
  }

  void Clear() {
    MutexLock lock(log_.mutex_);
    log_.table_ = BlockTable();
    log_.bytes_ = 0;
    log_.segments_.clear();
    for (const Source& source : sources_) {
      log_.segments_[source.number] = {.size = source.size, .index_bytes = source.index_bytes};
    }
  }

  absl::StatusOr<bool> MergeAll() {
    uint64_t total = 0;
    for (const Source& source : sources_) {
      total += source.scanned ? source.entries.size() : source.header.entries();
    }
    size_t parts_per_pass = kIndexParts;
    while (parts_per_pass > 1 && total * parts_per_pass / kIndexParts > kEntriesPerPass) {
      parts_per_pass /= 2;
    }
    for (size_t from = 0; from < kIndexParts; from += parts_per_pass) {
      L2P_ASSIGN_OR_RETURN(const bool merged, MergeParts(from, from + parts_per_pass));
      if (!merged) return false;
    }
    return true;
  }

  // False when an index was found damaged and its segment scanned instead.
  absl::StatusOr<bool> MergeParts(size_t from, size_t to) {
    std::vector<Found> all;
    std::vector<IndexEntry> entries;
    for (Source& source : sources_) {
      if (source.scanned) {
        for (const IndexEntry& entry : source.entries) {
          const size_t part = PartOf(entry.key);
          if (part >= from && part < to) all.push_back({entry, source.number});
        }
        continue;
      }
      entries.clear();
      L2P_ASSIGN_OR_RETURN(std::unique_ptr<File> index,
                           folder_.Open(IndexName(source.number), Folder::Mode::kRead));
      const absl::Status status = ReadIndexParts(*index, source.header, from, to, entries);
      if (absl::IsDataLoss(status)) {
        L2P_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                             folder_.Open(SegmentName(source.number), Folder::Mode::kWrite));
        L2P_RETURN_IF_ERROR(Reindex(source, *file));
        return false;
      }
      L2P_RETURN_IF_ERROR(status);
      for (const IndexEntry& entry : entries) all.push_back({entry, source.number});
    }
    std::sort(all.begin(), all.end(), Before);
    Enter(all);
    return true;
  }

  void Enter(const std::vector<Found>& all) {
    MutexLock lock(log_.mutex_);
    for (size_t i = 0; i < all.size(); ++i) {
      const auto& [entry, segment] = all[i];
      if (entry.shape.is_delete()) {
        log_.segments_[segment].deletes += entry.shape.record_bytes();
      }
      const bool newest = i + 1 == all.size() || all[i + 1].entry.key != entry.key;
      if (!newest || entry.shape.is_delete()) continue;
      const Location location{segment, entry.unit, entry.shape};
      log_.table_.Append(entry.key, location);
      log_.NotePut(location);
    }
  }

  PackLog& log_;
  Folder& folder_;
  std::vector<uint32_t> numbers_;
  std::vector<Source> sources_;
};

absl::StatusOr<std::unique_ptr<PackLog>> PackLog::Open(Host& host, Options options) {
  L2P_ASSIGN_OR_RETURN(Folder * folder, host.folder());
  std::unique_ptr<PackLog> log(new PackLog(host, *folder, options));
  const absl::Status status = Recovery(*log).Run();
  if (!status.ok()) return WithContext(status, "open pack");
  return log;
}

}  // namespace l2p::pack
