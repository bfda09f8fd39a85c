#include "pack_log.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p::pack {
namespace {

constexpr char kReserveName[] = "reserve";
// Of one gathered write: enough for a batch, little enough that others get their turn.
constexpr size_t kMostRecordsPerWrite = 256;
constexpr uint64_t kMostBytesPerWrite = 16 * 1024 * 1024;

// Compaction starts when more than live / kGarbageShare is garbage, and segment_bytes /
// kIdleShare, below which the disk's work would cost more than the space is worth.
constexpr uint64_t kGarbageShare = 5;
constexpr uint64_t kIdleShare = 16;

constexpr size_t kItemsPerPage = 1024;  // Looked up while readers wait.

RecordShape ShapeOf(const NewRecord& record) {
  return {record.is_delete, record.id.size(), record.body.size()};
}

}  // namespace

PackLog::PackLog(Host& host, Folder& folder, Options options)
    : host_(host),
      folder_(folder),
      options_(options),
      files_(folder),
      write_turn_(host),
      sync_turn_(host) {}

PackLog::~PackLog() {
  if (!head_.has_value() || head_->empty() || head_->indexed == head_->size) return;
  if (Sync().ok()) WriteIndex(*head_);
}

bool PackLog::Find(const Key& key, Location& out) {
  MutexLock lock(mutex_);
  return table_.Find(key, out);
}

std::vector<BlockTable::Item> PackLog::After(const Key* after, size_t most) {
  MutexLock lock(mutex_);
  return table_.After(after, most);
}

void PackLog::MarkDamaged(const Key& key, const Location& location) {
  MutexLock lock(mutex_);
  Location now;
  if (!table_.Find(key, now) || !now.IsAt(location.segment, location.unit)) return;
  now.damaged = true;
  table_.Set(key, now);
}

bool PackLog::Holds(const NewRecord& record) {
  Location now;
  const bool present = table_.Find(record.key, now);
  switch (record.when) {
    case NewRecord::When::kUnlessPresent:
      return !present || now.damaged;
    case NewRecord::When::kIfPresent:
      return present;
    case NewRecord::When::kIfAbsent:
      return !present;
    case NewRecord::When::kIfAt:
      return present && now.IsAt(record.segment, record.unit);
  }
  return false;
}

void PackLog::Retire(const Key& key) {
  Location old;
  if (!table_.Find(key, old)) return;
  if (head_->number == old.segment) head_->dead.push_back({key, old.unit, old.shape});
  segments_[old.segment].live -= old.shape.record_bytes();
  bytes_ -= old.shape.body_length();
}

void PackLog::NotePut(const Location& location) {
  segments_[location.segment].live += location.shape.record_bytes();
  bytes_ += location.shape.body_length();
}

absl::Status PackLog::Append(std::span<const NewRecord> records) {
  HoldTurn turn(write_turn_);
  std::vector<const NewRecord*> wanted;
  {
    MutexLock lock(mutex_);
    for (const NewRecord& record : records) {
      if (Holds(record)) wanted.push_back(&record);
    }
  }
  for (size_t begin = 0; begin < wanted.size();) {
    L2P_RETURN_IF_ERROR(MakeRoom(wanted[begin]->is_delete, ShapeOf(*wanted[begin]).record_bytes()));
    uint64_t bytes = 0;
    size_t end = begin;
    for (; end < wanted.size() && end - begin < kMostRecordsPerWrite; ++end) {
      const uint64_t more = ShapeOf(*wanted[end]).record_bytes();
      const bool fits =
          (wanted[end]->is_delete || head_->size + bytes + more <= options_.segment_bytes) &&
          bytes + more <= kMostBytesPerWrite;
      if (!fits && end > begin) break;
      bytes += more;
    }
    const std::span<const NewRecord* const> batch(&wanted[begin], end - begin);
    L2P_RETURN_IF_ERROR(Write(batch));
    Enter(batch);
    begin = end;
  }
  return absl::OkStatus();
}

// Sees to it that there is a head for a record of `bytes`.
absl::Status PackLog::MakeRoom(bool only_deletes, uint64_t bytes) {
  const bool is_empty = head_.has_value() && head_->empty();
  if (head_.has_value() && (is_empty || head_->size + bytes <= options_.segment_bytes)) {
    return absl::OkStatus();
  }
  // A delete frees space: it goes into a full segment rather than fail for want of a new one.
  if (head_.has_value() && only_deletes) return absl::OkStatus();
  if (head_.has_value()) L2P_RETURN_IF_ERROR(SealHead());
  absl::Status status = OpenHead();
  if (absl::IsResourceExhausted(status) && only_deletes && ReleaseReserve()) status = OpenHead();
  return status;
}

absl::Status PackLog::Write(std::span<const NewRecord* const> records) {
  std::string small;  // Heads and tails: all that is not a body.
  std::vector<size_t> cuts;
  for (const NewRecord* record : records) {
    const RecordShape shape = ShapeOf(*record);
    AppendRecordHead(head_->tag, shape, record->id, small);
    cuts.push_back(small.size());
    AppendRecordTail(shape, record->body, small);
  }
  std::vector<ByteView> parts;
  size_t done = 0;
  for (size_t i = 0; i < records.size(); ++i) {
    parts.push_back(AsBytes(std::string_view(small).substr(done, cuts[i] - done)));
    if (!records[i]->body.empty()) parts.push_back(records[i]->body);
    done = cuts[i];
  }
  parts.push_back(AsBytes(std::string_view(small).substr(done)));
  absl::Status status = WriteParts(parts);
  const bool only_deletes =
      std::all_of(records.begin(), records.end(), [](const NewRecord* r) { return r->is_delete; });
  if (absl::IsResourceExhausted(status) && only_deletes && ReleaseReserve()) {
    status = WriteParts(parts);
  }
  return WithContext(status, SegmentName(head_->number));
}

absl::Status PackLog::WriteParts(std::span<const ByteView> parts) {
  L2P_RETURN_IF_ERROR(CutTornTail());
  const absl::Status status = head_->file->Write(head_->size, parts);
  if (status.ok()) return status;
  {
    MutexLock lock(mutex_);
    torn_ = true;
    ++written_;  // The cut has to be synced as well.
  }
  CutTornTail().IgnoreError();  // If it fails it is tried again, by the next write or sync.
  return status;
}

// Left there, whole records of a write that failed could come back at the next start.
absl::Status PackLog::CutTornTail() {
  {
    MutexLock lock(mutex_);
    if (!torn_) return absl::OkStatus();
  }
  L2P_RETURN_IF_ERROR(head_->file->Resize(head_->size));
  MutexLock lock(mutex_);
  torn_ = false;
  return absl::OkStatus();
}

void PackLog::Enter(std::span<const NewRecord* const> records) {
  MutexLock lock(mutex_);
  Segment& segment = segments_[head_->number];
  for (const NewRecord* record : records) {
    const RecordShape shape = ShapeOf(*record);
    const uint32_t unit = head_->size / kAlignment;
    Retire(record->key);
    if (record->is_delete) {
      table_.Erase(record->key);
      segment.deletes += shape.record_bytes();
      head_->dead.push_back({record->key, unit, shape});
    } else {
      const Location location{head_->number, unit, shape};
      table_.Set(record->key, location);
      NotePut(location);
      head_->prefixes.push_back(PrefixOf(record->key));
    }
    head_->size += shape.record_bytes();
  }
  segment.size = head_->size;
  ++written_;
}

absl::Status PackLog::Sync(std::optional<uint32_t> evacuating) {
  uint64_t target;
  bool torn;
  {
    MutexLock lock(mutex_);
    target = written_;
    torn = torn_;
  }
  if (torn) {
    HoldTurn turn(write_turn_);
    L2P_RETURN_IF_ERROR(CutTornTail());
  }
  HoldTurn turn(sync_turn_);
  std::shared_ptr<File> file;
  uint32_t number;
  {
    MutexLock lock(mutex_);
    for (uint32_t distrusted : distrusted_) {
      if (distrusted == evacuating && distrusted != head_number_) continue;
      return absl::UnavailableError(
          absl::StrCat(SegmentName(distrusted), ": an earlier sync failed"));
    }
    // Whoever had the turn before us may have synced our records as well.
    if (synced_ >= target) return absl::OkStatus();
    target = written_;
    file = head_file_;
    number = head_number_;
  }
  const absl::Status status = file == nullptr ? absl::OkStatus() : file->Sync();
  MutexLock lock(mutex_);
  if (status.ok()) {
    synced_ = std::max(synced_, target);
  } else {
    // The system may have dropped the pages it could not write: a later sync proves nothing.
    distrusted_.insert(number);
  }
  return WithContext(status, absl::StrCat("sync ", SegmentName(number)));
}

absl::Status PackLog::SealHead() {
  bool distrusted;
  uint64_t target;
  {
    MutexLock lock(mutex_);
    distrusted = distrusted_.contains(head_->number);
    target = written_;
  }
  L2P_RETURN_IF_ERROR(CutTornTail());
  absl::Status status = distrusted ? absl::OkStatus() : head_->file->Sync();
  {
    MutexLock lock(mutex_);
    if (!status.ok()) {
      distrusted_.insert(head_->number);
      return WithContext(status, absl::StrCat("seal ", SegmentName(head_->number)));
    }
    if (distrusted_.empty()) synced_ = std::max(synced_, target);
    head_file_ = nullptr;
    head_number_ = 0;
  }
  // A distrusted segment gets no index, so that a start reads it through.
  if (!distrusted && head_->indexed != head_->size) WriteIndex(*head_);
  head_.reset();
  return absl::OkStatus();
}

std::vector<IndexEntry> PackLog::EntriesOf(const Head& head) {
  std::vector<IndexEntry> entries = head.dead;
  SortByKey(entries);
  const auto middle = static_cast<std::ptrdiff_t>(entries.size());
  std::vector<uint32_t> prefixes = head.prefixes;
  std::sort(prefixes.begin(), prefixes.end());
  prefixes.erase(std::unique(prefixes.begin(), prefixes.end()), prefixes.end());
  for (std::span<const uint32_t> rest = prefixes; !rest.empty();) {
    const size_t count = std::min(rest.size(), kItemsPerPage);
    MutexLock lock(mutex_);
    for (const uint32_t prefix : rest.first(count)) {
      for (const BlockTable::Item& item : table_.WithPrefix(prefix)) {
        if (item.location.segment != head.number) continue;
        entries.push_back({item.key, item.location.unit, item.location.shape});
      }
    }
    rest = rest.subspan(count);
  }
  std::inplace_merge(entries.begin(), entries.begin() + middle, entries.end(), ComesBefore);
  return entries;
}

void PackLog::WriteIndex(const Head& head) {
  const std::string index = EncodeIndex(head.tag, head.number, head.size, EntriesOf(head));
  const absl::Status status = WriteFileDurably(folder_, IndexName(head.number), AsBytes(index));
  if (!status.ok()) {
    host_.Log(Severity::kWarning,
              absl::StrCat(IndexName(head.number),
                           ": not written, to be made at the next start: ", status.ToString()));
    return;
  }
  MutexLock lock(mutex_);
  segments_[head.number].index_bytes = index.size();
}

absl::Status PackLog::OpenHead() {
  Head head;
  head.number = next_number_;
  host_.Random(head.tag);
  const std::string name = SegmentName(head.number);
  const std::string header = EncodeSegmentHeader(head.tag, head.number);
  const auto make = [&]() -> absl::Status {
    L2P_ASSIGN_OR_RETURN(head.file, folder_.Open(name, Folder::Mode::kCreate));
    const ByteView part = AsBytes(header);
    L2P_RETURN_IF_ERROR(head.file->Resize(0));
    L2P_RETURN_IF_ERROR(head.file->Write(0, {&part, 1}));
    L2P_RETURN_IF_ERROR(head.file->Sync());
    // Now, so that no later sync has to think of the name.
    return folder_.Sync();
  };
  const absl::Status status = make();
  if (!status.ok()) {
    head.file = nullptr;
    folder_.Remove(name).IgnoreError();
    return WithContext(status, absl::StrCat("make ", name));
  }
  head.size = header.size();
  ++next_number_;
  MutexLock lock(mutex_);
  segments_[head.number].size = head.size;
  head_number_ = head.number;
  head_file_ = head.file;
  head_ = std::move(head);
  return absl::OkStatus();
}

std::optional<uint32_t> PackLog::Distrusted() {
  MutexLock lock(mutex_);
  if (distrusted_.empty()) return std::nullopt;
  return *distrusted_.begin();
}

bool PackLog::ReleaseReserve() {
  {
    MutexLock lock(mutex_);
    if (!has_reserve_) return false;
    has_reserve_ = false;
  }
  return folder_.Remove(kReserveName).ok();
}

absl::Status PackLog::Replenish() {
  {
    MutexLock lock(mutex_);
    if (has_reserve_ || options_.reserve_bytes == 0) return absl::OkStatus();
  }
  HoldTurn turn(write_turn_);
  {
    MutexLock lock(mutex_);
    if (has_reserve_) return absl::OkStatus();
  }
  const auto fill = [&]() -> absl::Status {
    L2P_ASSIGN_OR_RETURN(std::unique_ptr<File> file,
                         folder_.Open(kReserveName, Folder::Mode::kCreate));
    L2P_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
    if (size == options_.reserve_bytes) return absl::OkStatus();
    L2P_RETURN_IF_ERROR(file->Resize(0));
    const std::string zeros(options_.reserve_bytes, '\0');
    const ByteView part = AsBytes(zeros);
    return file->Write(0, {&part, 1});
  };
  const absl::Status status = fill();
  if (!status.ok()) {
    folder_.Remove(kReserveName).IgnoreError();
    return WithContext(status, "refill the reserve");
  }
  MutexLock lock(mutex_);
  has_reserve_ = true;
  return absl::OkStatus();
}

uint64_t PackLog::Garbage(uint32_t number, const Segment& segment) const {
  // The oldest segment's deletes have nothing older left to delete.
  const bool oldest = segments_.begin()->first == number;
  const uint64_t needed = segment.live + (oldest ? 0 : segment.deletes) + kSegmentHeader;
  return segment.size > needed ? segment.size - needed : 0;
}

std::optional<uint32_t> PackLog::Victim(const std::set<uint32_t>& but) {
  MutexLock lock(mutex_);
  uint64_t live = 0;
  uint64_t garbage = 0;
  for (const auto& [number, segment] : segments_) {
    live += segment.live;
    garbage += Garbage(number, segment);
  }
  const bool pays = garbage > live / kGarbageShare && garbage > options_.segment_bytes / kIdleShare;
  const bool urgent = !has_reserve_ && options_.reserve_bytes > 0 && garbage > 0;
  std::optional<uint32_t> victim;
  double worst = 0;
  for (const auto& [number, segment] : segments_) {
    const bool empty = segment.live == 0 && number != head_number_;
    const uint64_t waste = Garbage(number, segment);
    if (but.contains(number) || waste == 0 || !(pays || urgent || empty)) continue;
    const double share = static_cast<double>(waste) / segment.size;
    if (share <= worst) continue;
    worst = share;
    victim = number;
  }
  return victim;
}

absl::StatusOr<std::vector<IndexEntry>> PackLog::SealAndList(uint32_t number) {
  {
    HoldTurn turn(write_turn_);
    if (head_.has_value() && head_->number == number) L2P_RETURN_IF_ERROR(SealHead());
  }
  return List(number);
}

absl::StatusOr<std::vector<IndexEntry>> PackLog::List(uint32_t number) {
  uint64_t size;
  {
    MutexLock lock(mutex_);
    const auto found = segments_.find(number);
    if (found == segments_.end()) return absl::NotFoundError(SegmentName(number));
    size = found->second.size;
  }
  return LoadEntries(host_.crypto(), folder_, number, size);
}

std::vector<uint32_t> PackLog::OlderThan(uint32_t number) {
  std::vector<uint32_t> older;
  MutexLock lock(mutex_);
  for (auto at = segments_.begin(); at != segments_.lower_bound(number); ++at) {
    older.push_back(at->first);
  }
  return older;
}

absl::Status PackLog::Remove(uint32_t number) {
  const absl::Status removed = folder_.Remove(SegmentName(number));
  if (!removed.ok() && !absl::IsNotFound(removed)) return removed;
  files_.Forget(number);
  // Until this is durable the segment may come back, and with it blocks that later records delete:
  // it stays in segments_, where compaction looks before it drops such a record.
  L2P_RETURN_IF_ERROR(folder_.Sync());
  folder_.Remove(IndexName(number)).IgnoreError();  // An orphan is removed at the next start.
  MutexLock lock(mutex_);
  segments_.erase(number);
  distrusted_.erase(number);
  return absl::OkStatus();
}

BlockStore::StoreUsage PackLog::Usage() {
  MutexLock lock(mutex_);
  BlockStore::StoreUsage usage{.blocks = table_.size(), .bytes = bytes_};
  for (const auto& [number, segment] : segments_) {
    usage.disk_bytes += segment.size + segment.index_bytes;
  }
  if (has_reserve_) usage.disk_bytes += options_.reserve_bytes;
  return usage;
}

}  // namespace l2p::pack
