// Opening a pack: a segment is known by its index; the last one is read through unless the pack was
// closed in order.
#include <algorithm>
#include <compare>
#include <span>

#include "absl/strings/str_cat.h"
#include "pack_log.h"

namespace l2p::pack {
namespace {

// Entries that are merged at a time: what opening takes in memory beside the table itself.
constexpr uint64_t kEntriesPerPass = 128 * 1024;

// The sorted entries of some segments, one after another in the order of the log within each key.
class Merge {
 public:
  struct Run {
    size_t source;  // Of two runs, the one with the lesser number is the older segment's.
    std::span<const IndexEntry> rest;
  };

  explicit Merge(std::vector<Run> runs) : runs_(std::move(runs)) {
    std::erase_if(runs_, [](const Run& run) { return run.rest.empty(); });
    std::make_heap(runs_.begin(), runs_.end(), ComesAfter);
  }

  bool done() const { return runs_.empty(); }
  const IndexEntry& entry() const { return runs_.front().rest.front(); }
  size_t source() const { return runs_.front().source; }

  void Advance() {
    runs_.front().rest = runs_.front().rest.subspan(1);
    if (runs_.front().rest.empty()) {
      std::pop_heap(runs_.begin(), runs_.end(), ComesAfter);
      runs_.pop_back();
    } else {
      SinkFront();
    }
  }

 private:
  static bool ComesAfter(const Run& a, const Run& b) {
    const std::strong_ordering order = a.rest.front().key <=> b.rest.front().key;
    return order != 0 ? order > 0 : a.source > b.source;
  }

  // Half of what popping and pushing would cost, and nothing for a front that stays in front.
  void SinkFront() {
    for (size_t at = 0;;) {
      size_t least = 2 * at + 1;
      if (least >= runs_.size()) return;
      if (least + 1 < runs_.size() && ComesAfter(runs_[least], runs_[least + 1])) ++least;
      if (!ComesAfter(runs_[at], runs_[least])) return;
      std::swap(runs_[at], runs_[least]);
      at = least;
    }
  }

  std::vector<Run> runs_;
};

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
        if (last) ContinueHead(source, std::move(file));
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
    SetHead({source.number, file, content->tag, source.size, 0, {}, {}});
    source.scanned = true;
    source.entries = std::move(content->entries);
    SortByKey(source.entries);
    sources_.push_back(std::move(source));
    return absl::OkStatus();
  }

  // The last segment has an index that speaks of all of it: what that says was synced before.
  void ContinueHead(const Source& source, std::shared_ptr<File> file) {
    SetHead({source.number, std::move(file), source.header.tag, source.size, source.size, {}, {}});
  }

  void SetHead(Head head) {
    MutexLock lock(log_.mutex_);
    log_.head_number_ = head.number;
    log_.head_file_ = head.file;
    log_.head_ = std::move(head);
  }

  void Clear() {
    if (log_.head_.has_value()) {
      log_.head_->dead.clear();
      log_.head_->prefixes.clear();
    }
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
    std::vector<std::vector<IndexEntry>> read(sources_.size());
    std::vector<Merge::Run> runs;
    for (size_t i = 0; i < sources_.size(); ++i) {
      Source& source = sources_[i];
      if (source.scanned) {
        runs.push_back({i, PartsOf(source.entries, from, to)});
        continue;
      }
      L2P_ASSIGN_OR_RETURN(std::unique_ptr<File> index,
                           folder_.Open(IndexName(source.number), Folder::Mode::kRead));
      const absl::Status status = ReadIndexParts(*index, source.header, from, to, read[i]);
      if (absl::IsDataLoss(status)) {
        L2P_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                             folder_.Open(SegmentName(source.number), Folder::Mode::kWrite));
        L2P_RETURN_IF_ERROR(Reindex(source, *file));
        return false;
      }
      L2P_RETURN_IF_ERROR(status);
      runs.push_back({i, read[i]});
    }
    Enter(Merge(std::move(runs)));
    return true;
  }

  static std::span<const IndexEntry> PartsOf(const std::vector<IndexEntry>& sorted, size_t from,
                                             size_t to) {
    const auto begin_of = [&](size_t part) {
      return std::partition_point(sorted.begin(), sorted.end(), [&](const IndexEntry& entry) {
        return PartOf(entry.key) < part;
      });
    };
    return {begin_of(from), begin_of(to)};
  }

  void Enter(Merge merge) {
    MutexLock lock(log_.mutex_);
    while (!merge.done()) {
      const IndexEntry entry = merge.entry();
      const uint32_t number = sources_[merge.source()].number;
      merge.Advance();
      if (entry.shape.is_delete()) log_.segments_[number].deletes += entry.shape.record_bytes();
      const bool newest = merge.done() || merge.entry().key != entry.key;
      if (newest && !entry.shape.is_delete()) {
        const Location location{number, entry.unit, entry.shape};
        log_.table_.Append(entry.key, location);
        log_.NotePut(location);
        if (number == log_.head_number_) log_.head_->prefixes.push_back(PrefixOf(entry.key));
      } else if (number == log_.head_number_) {
        log_.head_->dead.push_back(entry);
      }
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
