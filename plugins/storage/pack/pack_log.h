#ifndef L2P_PLUGINS_STORAGE_PACK_PACK_LOG_H_
#define L2P_PLUGINS_STORAGE_PACK_PACK_LOG_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "block_table.h"
#include "l2p/block_store.h"
#include "l2p/folder.h"
#include "l2p/host.h"
#include "segment.h"
#include "write_turn.h"

namespace l2p::pack {

// A record to be appended, if `when` holds at that moment.
struct NewRecord {
  enum class When {
    kUnlessPresent,  // A put: no live, undamaged block has the key.
    kIfPresent,      // A delete.
    kIfAbsent,       // A delete that is moved: needed only while nothing newer has the key.
    kIfAt,           // The live record is the one at (segment, unit), which is moved or given up.
  };

  Key key;
  ByteView id{};    // Lent for the call of Append.
  ByteView body{};  // Likewise.
  bool is_delete = false;
  When when = When::kUnlessPresent;
  uint32_t segment = 0;
  uint32_t unit = 0;
};

// The log of segments and the table of what is live in it: all that changes in a pack.
//
// [any thread]. Writers take turns; readers wait for none of them. One segment, the head, is being
// appended to; the others are sealed: synced, indexed and never changed.
class PackLog {
 public:
  struct Options {
    uint64_t segment_bytes;
    uint64_t reserve_bytes;  // Kept back for deletes and compaction when the disk is full.
  };

  // Opens the pack in the host's folder, or makes one. `host` outlives it.
  static absl::StatusOr<std::unique_ptr<PackLog>> Open(Host& host, Options options);
  // Notes what the head holds, so that the next Open need not read it through.
  ~PackLog();

  bool Find(const Key& key, Location& out) L2P_EXCLUDES(mutex_);
  std::vector<BlockTable::Item> After(const Key* after, size_t most) L2P_EXCLUDES(mutex_);
  // A read found the record at `location` changed.
  void MarkDamaged(const Key& key, const Location& location) L2P_EXCLUDES(mutex_);
  SegmentFiles& files() { return files_; }

  // Appends the records whose condition holds, in order, each write whole or not at all. On an
  // error those before it are in. ResourceExhausted: the disk is full; the log stays usable.
  absl::Status Append(std::span<const NewRecord> records) L2P_EXCLUDES(mutex_);

  // Makes all appended records durable. Concurrent callers share a sync. After a sync failed it
  // fails until the Distrusted() segments are evacuated; `evacuating` names the one this is for.
  absl::Status Sync(std::optional<uint32_t> evacuating = {}) L2P_EXCLUDES(mutex_);

  // The first segment of which a sync failed: what it holds may never reach the disk.
  std::optional<uint32_t> Distrusted() L2P_EXCLUDES(mutex_);

  // The sealed or head segment that compaction should empty next, none while enough is live.
  // Never one of `but`.
  std::optional<uint32_t> Victim(const std::set<uint32_t>& but) L2P_EXCLUDES(mutex_);

  // What compaction needs of a segment: sealed first, all its entries, its end.
  absl::StatusOr<std::vector<IndexEntry>> SealAndList(uint32_t number) L2P_EXCLUDES(mutex_);
  std::vector<uint32_t> OlderThan(uint32_t number) L2P_EXCLUDES(mutex_);
  absl::StatusOr<std::vector<IndexEntry>> List(uint32_t number) L2P_EXCLUDES(mutex_);
  // Removes a segment without live records, durably.
  absl::Status Remove(uint32_t number) L2P_EXCLUDES(mutex_);

  // Fills the reserve again when it was used up; ResourceExhausted while that is impossible.
  absl::Status Replenish() L2P_EXCLUDES(mutex_);

  BlockStore::StoreUsage Usage() L2P_EXCLUDES(mutex_);

 private:
  struct Segment {
    uint64_t size = 0;
    uint64_t live = 0;         // Bytes of records whose block is live.
    uint64_t deletes = 0;      // Bytes of delete records.
    uint64_t index_bytes = 0;  // Of the index file.
  };
  struct Head {
    uint32_t number = 0;
    std::shared_ptr<File> file;
    Tag tag{};
    uint64_t size = 0;
    uint64_t indexed = 0;  // The size that its index file speaks of; 0: there is none.
    // Of its records, those that table_ does not tell of, and what the others are found there by.
    // All 24 bytes of each would take the memory of a million small blocks once more.
    std::vector<IndexEntry> dead;
    std::vector<uint32_t> prefixes;

    bool empty() const { return size == kSegmentHeader; }
  };
  class Recovery;  // Opens a pack: recovery.cc.

  PackLog(Host& host, Folder& folder, Options options);

  // Those below are called by the holder of write_turn_, or before the pack is open.
  absl::Status SealHead();
  absl::Status OpenHead();
  absl::Status MakeRoom(bool only_deletes, uint64_t bytes);
  absl::Status Write(std::span<const NewRecord* const> records);
  absl::Status WriteParts(std::span<const ByteView> parts);
  absl::Status CutTornTail();
  void Enter(std::span<const NewRecord* const> records);
  void WriteIndex(const Head& head);
  std::vector<IndexEntry> EntriesOf(const Head& head);
  bool ReleaseReserve();

  bool Holds(const NewRecord& record) L2P_REQUIRES(mutex_);
  uint64_t Garbage(uint32_t number, const Segment& segment) const L2P_REQUIRES(mutex_);
  // Takes the record at `key` out of the accounts, if there is one.
  void Retire(const Key& key) L2P_REQUIRES(mutex_);
  void NotePut(const Location& location) L2P_REQUIRES(mutex_);

  Host& host_;
  Folder& folder_;
  const Options options_;
  SegmentFiles files_;

  WriteTurn write_turn_;
  WriteTurn sync_turn_;
  std::optional<Head> head_;  // Of the holder of write_turn_.
  uint32_t next_number_ = 1;  // Likewise.

  Mutex mutex_{"PackLog"};
  BlockTable table_ L2P_GUARDED_BY(mutex_);
  std::map<uint32_t, Segment> segments_ L2P_GUARDED_BY(mutex_);
  std::set<uint32_t> distrusted_ L2P_GUARDED_BY(mutex_);
  bool has_reserve_ L2P_GUARDED_BY(mutex_) = false;
  uint64_t bytes_ L2P_GUARDED_BY(mutex_) = 0;    // Of live blocks.
  uint64_t written_ L2P_GUARDED_BY(mutex_) = 1;  // Counts appends.
  uint64_t synced_ L2P_GUARDED_BY(mutex_) = 0;   // The appends up to here are durable.
  bool torn_ L2P_GUARDED_BY(mutex_) = false;  // A failed write left bytes beyond the head's size.
  uint32_t head_number_ L2P_GUARDED_BY(mutex_) = 0;
  std::shared_ptr<File> head_file_ L2P_GUARDED_BY(mutex_);  // What Sync syncs; null: all sealed.
};

}  // namespace l2p::pack

#endif  // L2P_PLUGINS_STORAGE_PACK_PACK_LOG_H_
