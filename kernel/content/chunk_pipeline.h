#ifndef L2P_KERNEL_CONTENT_CHUNK_PIPELINE_H_
#define L2P_KERNEL_CONTENT_CHUNK_PIPELINE_H_

#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernel/content/importer.h"
#include "l2p/tasks.h"

namespace l2p {

// A Handoff passes values from one task to the next, one in store. [any thread]
template <typename T>
class Handoff {
 public:
  explicit Handoff(Runtime& runtime) : changed_(runtime.NewEvent()) {}

  // Waits for room; false (and `value` is dropped) once closed.
  bool Push(T value) {
    Await(mutex_, *changed_, absl::InfiniteFuture(),
          [this]() L2P_REQUIRES(mutex_) { return closed_ || !value_; });
    MutexLock lock(mutex_);
    if (closed_) return false;
    value_ = std::move(value);
    changed_->Set();
    return true;
  }

  // Waits for a value; nullopt once closed and empty, or past `deadline`.
  std::optional<T> Pop(Time deadline) {
    Await(mutex_, *changed_, deadline, [this]() L2P_REQUIRES(mutex_) { return closed_ || value_; });
    MutexLock lock(mutex_);
    std::optional<T> value = std::exchange(value_, std::nullopt);
    changed_->Set();
    return value;
  }

  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
    changed_->Set();
  }

 private:
  const std::unique_ptr<Event> changed_;
  Mutex mutex_{"Handoff"};
  std::optional<T> value_ L2P_GUARDED_BY(mutex_);
  bool closed_ L2P_GUARDED_BY(mutex_) = false;
};

// A ChunkPipeline reads an Input, cuts it and hashes the chunks, each stage in a task of its own,
// so that reading, hashing and what the caller does with a batch overlap. At most five windows of
// Input are in memory.
//
// One task at a time.
class ChunkPipeline {
 public:
  // A stretch of the input in one window: what happened, in order.
  struct Batch {
    struct Step {
      enum class Kind { kEntry, kChunk, kFileEnd } kind = Kind::kEntry;
      Input::Entry entry;
      size_t chunk = 0;  // Index in `chunks`.
    };
    std::vector<Step> steps;
    std::vector<Bytes> chunks;
    std::vector<Multihash> ids;  // Of the chunks.
    absl::Status status;         // How the input ended, in the last batch.
  };

  // All are lent and outlive this.
  ChunkPipeline(Runtime& runtime, Memory& memory, const ImportOptions& options, Input& input);
  ~ChunkPipeline();

  absl::Status Start();

  // The next batch; nullopt at the end of the input.
  absl::StatusOr<std::optional<Batch>> Next();

 private:
  void Read();
  void Hash();

  Runtime& runtime_;
  Memory& memory_;
  const ImportOptions& options_;
  Input& input_;
  const Time deadline_;
  Handoff<Batch> cut_;
  Handoff<Batch> hashed_;
  TaskGroup tasks_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_CHUNK_PIPELINE_H_
