#ifndef L2P_KERNEL_CONTENT_SCRUBBER_H_
#define L2P_KERNEL_CONTENT_SCRUBBER_H_

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "kernel/content/holdings.h"

namespace l2p {

// The Scrubber looks after what is held: at the start that every block is there at all (no block is
// read), then slowly that each still hashes to its id, all of them once in `interval`. A damaged
// block is deleted and, like an absent one, listed as lost until it is put again.
//
// [any thread] between Start and Stop.
class Scrubber {
 public:
  static constexpr size_t kMaxLost = 100'000;  // What is past it is found by the next pass.
  static constexpr Duration kPeriod = absl::Seconds(10);

  // All lent; they outlive this.
  Scrubber(Runtime& runtime, State& state, BlockService& blocks, Holdings& holdings,
           Duration interval);

  absl::Status Start();
  void Stop();

  // As HeldGroups::LostBlocks.
  std::vector<HeldGroups::Lost> LostBlocks(size_t most);

  struct Progress {
    uint64_t blocks_read = 0;
    uint64_t damaged = 0;
    uint64_t passes = 0;
    uint64_t lost = 0;  // Blocks absent now, as far as it has seen.
  };
  Progress progress() const;

 private:
  void CheckPresence();
  void Step();
  bool ScrubSome();
  void CheckBlock(const Multihash& group, const BlockRef& block);
  void NoteLost(const Multihash& group, const BlockRef& block);
  absl::Status SavePosition();

  Runtime& runtime_;
  State& state_;
  BlockService& blocks_;
  Holdings& holdings_;
  const Duration interval_;
  std::atomic<bool> stopping_ = false;

  // Where the pass is; touched by Step alone, which never overlaps itself.
  Multihash done_;         // All groups up to this one are read.
  size_t next_block_ = 0;  // Of the group after it.
  double credit_ = 0;      // Bytes that are due to be read.
  Time save_at_;

  mutable Mutex mutex_{"Scrubber"};
  Progress progress_ L2P_GUARDED_BY(mutex_);
  struct LessById {
    bool operator()(const BlockRef& a, const BlockRef& b) const { return a.id < b.id; }
  };
  std::map<Multihash, std::set<BlockRef, LessById>> lost_ L2P_GUARDED_BY(mutex_);
  size_t lost_count_ L2P_GUARDED_BY(mutex_) = 0;

  std::unique_ptr<Registration> timer_;
  TaskGroup tasks_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_SCRUBBER_H_
