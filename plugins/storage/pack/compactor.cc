#include "compactor.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p::pack {
namespace {

constexpr size_t kBatchBytes = 4 * 1024 * 1024;  // Read ahead of one turn at the log's end.
// Between two segments, so that the disk is not ours alone.
constexpr absl::Duration kPause = absl::Milliseconds(20);

}  // namespace

Compactor::Compactor(Host& host, PackLog& log)
    : host_(host),
      log_(log),
      stop_(host.NewEvent()),
      evacuation_(host),
      tasks_(host.tasks(), host.NewEvent()) {}

Compactor::~Compactor() {
  stop_->Set();
  tasks_.Join();
}

void Compactor::Kick() {
  {
    MutexLock lock(mutex_);
    again_ = true;
    if (running_) return;
  }
  if (!log_.Victim({}).has_value()) return;
  {
    MutexLock lock(mutex_);
    if (running_) return;
    running_ = true;
  }
  if (tasks_.Start("pack compaction", [this] { Run(); }).ok()) return;
  MutexLock lock(mutex_);
  running_ = false;  // Too many tasks: the next delete kicks again.
}

void Compactor::Run() {
  std::set<uint32_t> failed;  // Not tried again before the next kick.
  for (;;) {
    {
      MutexLock lock(mutex_);
      again_ = false;
    }
    while (const std::optional<uint32_t> victim = log_.Victim(failed)) {
      const absl::Status status = Evacuate(*victim);
      if (!status.ok()) {
        failed.insert(*victim);
        host_.Log(Severity::kWarning,
                  absl::StrCat("compact ", SegmentName(*victim), ": ", status.ToString()));
      }
      log_.Replenish().IgnoreError();  // Full still: the next segment may free enough.
      if (stop_->Wait(host_.Now() + kPause)) return;
    }
    MutexLock lock(mutex_);
    if (!again_) {
      running_ = false;
      return;
    }
  }
}

absl::Status Compactor::Evacuate(uint32_t number) {
  HoldTurn turn(evacuation_);
  absl::StatusOr<std::vector<IndexEntry>> entries = log_.SealAndList(number);
  if (absl::IsNotFound(entries.status())) return absl::OkStatus();  // Another was faster.
  L2P_RETURN_IF_ERROR(entries.status());
  std::vector<IndexEntry> deletes;
  const auto first_delete =
      std::stable_partition(entries->begin(), entries->end(),
                            [](const IndexEntry& entry) { return !entry.shape.is_delete(); });
  deletes.assign(first_delete, entries->end());
  entries->erase(first_delete, entries->end());
  std::sort(entries->begin(), entries->end(),
            [](const IndexEntry& a, const IndexEntry& b) { return a.unit < b.unit; });
  L2P_RETURN_IF_ERROR(MoveBlocks(number, *entries));
  L2P_RETURN_IF_ERROR(MoveDeletes(number, std::move(deletes)));
  L2P_RETURN_IF_ERROR(log_.Sync(number));
  return log_.Remove(number);
}

absl::Status Compactor::MoveBlocks(uint32_t number, const std::vector<IndexEntry>& entries) {
  Batch batch;
  for (const IndexEntry& entry : entries) {
    Location now;
    if (!log_.Find(entry.key, now) || !now.IsAt(number, entry.unit)) continue;
    if (batch.bytes > kBatchBytes) {
      L2P_RETURN_IF_ERROR(log_.Append(batch.records));
      batch = Batch();
      if (stop_->Wait(absl::InfinitePast())) return absl::AbortedError("the store is closing");
    }
    L2P_RETURN_IF_ERROR(Read(number, entry, batch));
  }
  return log_.Append(batch.records);
}

absl::Status Compactor::Read(uint32_t number, const IndexEntry& entry, Batch& batch) {
  L2P_ASSIGN_OR_RETURN(const std::shared_ptr<const File> file, log_.files().Get(number));
  Buffer buffer = Buffer::Unbudgeted(entry.shape.record_bytes());
  L2P_ASSIGN_OR_RETURN(const size_t read, file->Read(entry.offset(), buffer.span()));
  buffer.Truncate(read);
  const Bytes record = std::move(buffer).Freeze();
  const std::optional<RecordShape> shape = ParseRecordHead(record);
  NewRecord moved{
      .key = entry.key, .when = NewRecord::When::kIfAt, .segment = number, .unit = entry.unit};
  if (!shape.has_value() || shape->what() != entry.shape.what()) {
    // Nothing can be carried over, not even the id for a delete record: readers have DataLoss from
    // it as long as the segment stays.
    return absl::DataLossError(
        absl::StrCat(SegmentName(number), " at ", entry.offset(), ": damaged record"));
  }
  moved.id = IdOfRecord(record, *shape);
  if (read == shape->record_bytes() && BodyIsWhole(record, *shape)) {
    moved.body = record.view().subspan(shape->body_offset(), shape->body_length());
  } else {
    // A delete rather than nothing: an older copy must not come back at the next start, after the
    // caller may have deleted the block.
    moved.is_delete = true;
    host_.Log(Severity::kError, absl::StrCat(SegmentName(number), " at ", entry.offset(),
                                             ": damaged block given up"));
  }
  batch.records.push_back(moved);
  batch.owners.push_back(record);
  batch.bytes += record.size();
  return absl::OkStatus();
}

// Keeps of `deletes` those whose block lies dead in an older segment.
absl::Status Compactor::DropUnneeded(uint32_t number, std::vector<IndexEntry>& deletes) {
  const auto by_key = [](const IndexEntry& a, const IndexEntry& b) { return a.key < b.key; };
  std::vector<IndexEntry> needed;
  for (uint32_t older : log_.OlderThan(number)) {
    if (deletes.empty()) break;
    L2P_ASSIGN_OR_RETURN(const std::vector<IndexEntry> entries, log_.List(older));
    const auto shadows = [&](const IndexEntry& entry) {
      return std::binary_search(entries.begin(), entries.end(), entry, by_key);
    };
    const auto rest = std::stable_partition(deletes.begin(), deletes.end(), shadows);
    needed.insert(needed.end(), deletes.begin(), rest);
    deletes.erase(deletes.begin(), rest);
  }
  deletes = std::move(needed);
  return absl::OkStatus();
}

absl::Status Compactor::MoveDeletes(uint32_t number, std::vector<IndexEntry> deletes) {
  L2P_RETURN_IF_ERROR(DropUnneeded(number, deletes));
  if (deletes.empty()) return absl::OkStatus();
  L2P_ASSIGN_OR_RETURN(const std::shared_ptr<const File> file, log_.files().Get(number));
  Batch batch;
  for (const IndexEntry& entry : deletes) {
    Buffer buffer = Buffer::Unbudgeted(entry.shape.record_bytes());
    L2P_ASSIGN_OR_RETURN(const size_t read, file->Read(entry.offset(), buffer.span()));
    buffer.Truncate(read);
    const Bytes record = std::move(buffer).Freeze();
    const std::optional<RecordShape> shape = ParseRecordHead(record);
    if (!shape.has_value() || shape->what() != entry.shape.what()) {
      return absl::DataLossError(
          absl::StrCat(SegmentName(number), " at ", entry.offset(), ": damaged delete record"));
    }
    batch.records.push_back({.key = entry.key,
                             .id = IdOfRecord(record, *shape),
                             .is_delete = true,
                             .when = NewRecord::When::kIfAbsent});
    batch.owners.push_back(record);
  }
  return log_.Append(batch.records);
}

}  // namespace l2p::pack
