#ifndef L2P_KERNEL_CONTENT_CHUNK_PIPELINE_H_
#define L2P_KERNEL_CONTENT_CHUNK_PIPELINE_H_

#include <optional>
#include <string>
#include <vector>

#include "kernel/content/importer.h"
#include "kernel/content/ordered_stage.h"
#include "l2p/tasks.h"

namespace l2p {

// A ChunkPipeline reads an Input, cuts it and hashes the chunks in tasks of its own, so that
// reading, hashing and what the caller does with a batch overlap. At most eight windows of Input
// are in memory.
//
// One task at a time.
class ChunkPipeline {
 public:
  // Windows in the hashing stage: one that the task hashes, one that the caller of Next does while
  // it would wait, and four more, so that neither waits for the reader, nor the reader for a caller
  // that writes to a disk now and then. More tasks would only take the cores from each other where
  // there are two, and with a core each they are faster than disks are.
  static constexpr size_t kHashing = 6;

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

  Runtime& runtime_;
  Memory& memory_;
  const ImportOptions& options_;
  Input& input_;
  const Time deadline_;
  OrderedStage<Batch> hashing_;
  TaskGroup tasks_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_CHUNK_PIPELINE_H_
