#ifndef L2P_KERNEL_CONTENT_GARBAGE_COLLECTOR_H_
#define L2P_KERNEL_CONTENT_GARBAGE_COLLECTOR_H_

#include <atomic>
#include <memory>

#include "kernel/content/holdings.h"

namespace l2p {

// The GarbageCollector frees what nobody has been promised: blocks that no unexpired promise and no
// running operation needs. It goes in small steps with pauses between, so that readers and writers
// go on; by itself when the store is nearly full.
//
// [any thread] between Start and Stop.
class GarbageCollector {
 public:
  static constexpr size_t kBlocksAtOnce = 128;
  static constexpr Duration kPause = absl::Milliseconds(2);
  static constexpr Duration kPeriod = absl::Seconds(30);
  static constexpr double kNearlyFull = 0.9;  // Of storage.quota.

  // All lent; they outlive this.
  GarbageCollector(Runtime& runtime, BlockService& blocks, Holdings& holdings);

  absl::Status Start();
  void Stop();

  struct Freed {
    uint64_t blocks = 0;
    uint64_t bytes = 0;  // Of blocks.
  };
  // One pass over the store. Aborted when the node stops; FailedPrecondition when one runs.
  absl::StatusOr<Freed> Collect();

 private:
  void CollectIfNearlyFull();

  Runtime& runtime_;
  BlockService& blocks_;
  Holdings& holdings_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> running_ = false;
  uint64_t seen_blocks_ = 0;  // In the store when nothing was found the last time; timer only.
  std::unique_ptr<Registration> timer_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_GARBAGE_COLLECTOR_H_
