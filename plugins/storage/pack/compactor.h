#ifndef L2P_PLUGINS_STORAGE_PACK_COMPACTOR_H_
#define L2P_PLUGINS_STORAGE_PACK_COMPACTOR_H_

#include <memory>

#include "pack_log.h"

namespace l2p::pack {

// Gives the space of dead records back: copies what is live in the emptiest segment to the end of
// the log, syncs, and removes the segment. Works in the background while the pack is used.
// [any thread]
class Compactor {
 public:
  // Both are lent and outlive it.
  Compactor(Host& host, PackLog& log);
  ~Compactor();  // Waits for the step that is under way.

  // Starts compacting if there is enough to gain and it is not going on.
  void Kick();

  // Empties and removes one segment.
  absl::Status Evacuate(uint32_t number);

 private:
  // What is read of a segment before it is appended elsewhere.
  struct Batch {
    std::vector<Bytes> owners;
    std::vector<NewRecord> records;
    size_t bytes = 0;
  };

  void Run();
  absl::Status MoveBlocks(uint32_t number, const std::vector<IndexEntry>& entries);
  absl::Status Read(uint32_t number, const IndexEntry& entry, Batch& batch);
  absl::Status MoveDeletes(uint32_t number, std::vector<IndexEntry> deletes);
  absl::Status DropUnneeded(uint32_t number, std::vector<IndexEntry>& deletes);

  Host& host_;
  PackLog& log_;
  const std::unique_ptr<Event> stop_;
  WriteTurn evacuation_;
  Mutex mutex_{"Compactor"};
  bool running_ L2P_GUARDED_BY(mutex_) = false;
  bool again_ L2P_GUARDED_BY(mutex_) = false;  // Kicked while running.
  TaskGroup tasks_;
};

}  // namespace l2p::pack

#endif  // L2P_PLUGINS_STORAGE_PACK_COMPACTOR_H_
