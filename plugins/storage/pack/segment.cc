#include "segment.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace l2p::pack {
namespace {

constexpr std::string_view kSegmentSuffix = ".segment";
constexpr std::string_view kIndexSuffix = ".index";
constexpr size_t kDigits = 10;

// A file read front to back through one buffer.
class Window {
 public:
  // REQUIRES: no call of At wants more than `capacity` bytes.
  Window(const File& file, uint64_t size, size_t capacity)
      : file_(file), size_(size), buffer_(Buffer::Unbudgeted(capacity)) {}

  // `want` bytes at `offset`, fewer only at the end of the file.
  absl::StatusOr<ByteView> At(uint64_t offset, size_t want) {
    if (offset >= size_) return ByteView();
    want = std::min<uint64_t>(want, size_ - offset);
    if (offset < begin_ || offset + want > begin_ + filled_) {
      begin_ = offset;
      filled_ = 0;
      L2P_ASSIGN_OR_RETURN(filled_, file_.Read(offset, buffer_.span()));
    }
    const size_t at = offset - begin_;
    return buffer_.view().subspan(at, std::min<size_t>(want, filled_ - at));
  }

 private:
  const File& file_;
  const uint64_t size_;
  Buffer buffer_;
  uint64_t begin_ = 0;
  size_t filled_ = 0;
};

constexpr size_t kHeadsWindow = 16 * 1024;
constexpr size_t kBodiesWindow = 8 * 1024 * 1024;
constexpr size_t kMaxHead = kRecordHeader + kMaxId;

class SegmentScan {
 public:
  SegmentScan(const Crypto& crypto, const File& file, uint64_t size, ScanDepth depth)
      : crypto_(crypto),
        size_(size),
        depth_(depth),
        window_(file, size, depth == ScanDepth::kHeads ? kHeadsWindow : kBodiesWindow) {}

  absl::StatusOr<SegmentContent> Run(uint32_t number) {
    L2P_RETURN_IF_ERROR(FindTag(number));
    content_.end = kSegmentHeader;
    for (uint64_t at = kSegmentHeader; at < size_;) {
      L2P_ASSIGN_OR_RETURN(const std::optional<RecordShape> shape, RecordAt(at));
      if (shape.has_value()) {
        at += shape->record_bytes();
        content_.end = at;
      } else {
        L2P_ASSIGN_OR_RETURN(at, NextTag(at + kAlignment));
      }
    }
    return std::move(content_);
  }

 private:
  absl::Status FindTag(uint32_t number) {
    L2P_ASSIGN_OR_RETURN(const ByteView header, window_.At(0, kSegmentHeader));
    absl::StatusOr<Tag> tag = ParseSegmentHeader(header, number);
    if (!tag.ok()) {
      L2P_ASSIGN_OR_RETURN(const ByteView head, window_.At(kSegmentHeader, kMaxHead));
      if (!ParseRecordHead(head).has_value()) return tag.status();
      tag = TagOfRecord(head);
    }
    content_.tag = *tag;
    return absl::OkStatus();
  }

  // Notes the record at `at` and answers its shape; none when it is not whole.
  absl::StatusOr<std::optional<RecordShape>> RecordAt(uint64_t at) {
    L2P_ASSIGN_OR_RETURN(const ByteView head, window_.At(at, kMaxHead));
    const std::optional<RecordShape> shape = ParseRecordHead(head);
    if (!shape.has_value() || TagOfRecord(head) != content_.tag) return std::nullopt;
    if (at + shape->record_bytes() > size_) return std::nullopt;
    IndexEntry entry{{}, static_cast<uint32_t>(at / kAlignment), *shape};
    const absl::StatusOr<Multihash> id = Multihash::FromBinary(IdOfRecord(head, *shape));
    if (!id.ok()) return std::nullopt;
    entry.key = KeyOf(crypto_, *id);
    if (depth_ == ScanDepth::kBodies) {
      L2P_ASSIGN_OR_RETURN(const ByteView record, window_.At(at, shape->record_bytes()));
      if (record.size() < shape->record_bytes() || !BodyIsWhole(record, *shape)) {
        return std::nullopt;
      }
    }
    content_.entries.push_back(entry);
    return shape;
  }

  // Where the tag next stands, or the end of the file.
  absl::StatusOr<uint64_t> NextTag(uint64_t at) {
    for (;; at += kAlignment) {
      L2P_ASSIGN_OR_RETURN(const ByteView word, window_.At(at, kAlignment));
      if (word.size() < kAlignment) return size_;
      if (std::equal(word.begin(), word.end(), content_.tag.begin())) return at;
    }
  }

  const Crypto& crypto_;
  const uint64_t size_;
  const ScanDepth depth_;
  Window window_;
  SegmentContent content_;
};

}  // namespace

std::string SegmentName(uint32_t number) {
  return absl::StrFormat("%010u%s", number, kSegmentSuffix);
}
std::string IndexName(uint32_t number) { return absl::StrFormat("%010u%s", number, kIndexSuffix); }

std::optional<uint32_t> NumberIn(std::string_view name, std::string_view suffix) {
  uint32_t number = 0;
  if (name.size() != kDigits + suffix.size() || !name.ends_with(suffix) ||
      !absl::SimpleAtoi(av(name.substr(0, kDigits)), &number)) {
    return std::nullopt;
  }
  return number;
}

absl::StatusOr<std::shared_ptr<const File>> SegmentFiles::Get(uint32_t number) {
  uint64_t forgotten;
  {
    MutexLock lock(mutex_);
    const auto found = open_.find(number);
    if (found != open_.end()) {
      found->second.used = ++clock_;
      return found->second.file;
    }
    forgotten = forgotten_;
  }
  L2P_ASSIGN_OR_RETURN(std::shared_ptr<const File> file,
                       folder_.Open(SegmentName(number), Folder::Mode::kRead));
  std::shared_ptr<const File> evicted;  // Closed after the lock is given back.
  MutexLock lock(mutex_);
  // A file that was removed while we opened it must not be kept: its space would stay taken.
  if (forgotten != forgotten_) return file;
  if (open_.size() >= kMostOpen && !open_.contains(number)) {
    const auto oldest = std::min_element(
        open_.begin(), open_.end(),
        [](const auto& a, const auto& b) { return a.second.used < b.second.used; });
    evicted = std::move(oldest->second.file);
    open_.erase(oldest);
  }
  open_[number] = {file, ++clock_};
  return file;
}

void SegmentFiles::Forget(uint32_t number) {
  std::shared_ptr<const File> closed;
  MutexLock lock(mutex_);
  ++forgotten_;
  const auto found = open_.find(number);
  if (found == open_.end()) return;
  closed = std::move(found->second.file);
  open_.erase(found);
}

absl::StatusOr<SegmentContent> ScanSegment(const Crypto& crypto, const File& file, uint32_t number,
                                           ScanDepth depth) {
  L2P_ASSIGN_OR_RETURN(const uint64_t size, file.Size());
  return SegmentScan(crypto, file, size, depth).Run(number);
}

absl::StatusOr<IndexHeader> ReadIndexHeader(const File& index, uint32_t number,
                                            uint64_t segment_size) {
  uint8_t bytes[kIndexHeader];
  L2P_ASSIGN_OR_RETURN(const size_t read, index.Read(0, bytes));
  L2P_ASSIGN_OR_RETURN(const IndexHeader header, ParseIndexHeader({bytes, read}, number));
  if (header.segment_size != segment_size) {
    return absl::DataLossError(absl::StrCat("index ", number, ": for a segment of ",
                                            header.segment_size, " bytes, not ", segment_size));
  }
  return header;
}

absl::Status ReadIndexParts(const File& index, const IndexHeader& header, size_t from, size_t to,
                            std::vector<IndexEntry>& out) {
  uint64_t offset = kIndexHeader;
  for (size_t part = 0; part < from; ++part) offset += header.parts[part].count * kIndexEntry;
  size_t size = 0;
  for (size_t part = from; part < to; ++part) size += header.parts[part].count * kIndexEntry;
  Buffer buffer = Buffer::Unbudgeted(size);
  L2P_ASSIGN_OR_RETURN(const size_t read, index.Read(offset, buffer.span()));
  buffer.Truncate(read);
  size_t at = 0;
  for (size_t part = from; part < to; ++part) {
    const size_t part_size = std::min(header.parts[part].count * kIndexEntry, read - at);
    L2P_RETURN_IF_ERROR(ParseIndexPart(header, part, buffer.view().subspan(at, part_size), out));
    at += part_size;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<IndexEntry>> LoadEntries(const Crypto& crypto, Folder& folder,
                                                    uint32_t number, uint64_t segment_size) {
  absl::StatusOr<std::unique_ptr<File>> index = folder.Open(IndexName(number), Folder::Mode::kRead);
  if (index.ok()) {
    std::vector<IndexEntry> entries;
    const absl::StatusOr<IndexHeader> header = ReadIndexHeader(**index, number, segment_size);
    if (header.ok() && ReadIndexParts(**index, *header, 0, kIndexParts, entries).ok()) {
      return entries;
    }
  }
  L2P_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                       folder.Open(SegmentName(number), Folder::Mode::kRead));
  L2P_ASSIGN_OR_RETURN(SegmentContent content,
                       ScanSegment(crypto, *file, number, ScanDepth::kHeads));
  SortByKey(content.entries);
  return std::move(content.entries);
}

bool ComesBefore(const IndexEntry& a, const IndexEntry& b) {
  const std::strong_ordering order = a.key <=> b.key;
  return order != 0 ? order < 0 : a.unit < b.unit;
}

void SortByKey(std::vector<IndexEntry>& entries) {
  std::sort(entries.begin(), entries.end(), ComesBefore);
}

}  // namespace l2p::pack
