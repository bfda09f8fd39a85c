#include "kernel/content/chunk_pipeline.h"

#include "kernel/content/input_cutter.h"

namespace l2p {

ChunkPipeline::ChunkPipeline(Runtime& runtime, Memory& memory, const ImportOptions& options,
                             Input& input)
    : runtime_(runtime),
      memory_(memory),
      options_(options),
      input_(input),
      deadline_(runtime.Now() + options.read_deadline),
      hashing_([&runtime] { return runtime.NewEvent(); }, kHashing,
               [this](Batch& batch) {
                 const std::vector<ByteView> views(batch.chunks.begin(), batch.chunks.end());
                 batch.ids = Hashers::HashAll(*options_.hasher, views);
               }),
      tasks_(runtime.tasks(), runtime.NewEvent()) {}

ChunkPipeline::~ChunkPipeline() {
  hashing_.Close();
  tasks_.Join();
}

absl::Status ChunkPipeline::Start() {
  L2P_RETURN_IF_ERROR(tasks_.Start("content.read", [this] { Read(); }));
  return tasks_.Start("content.hash", [this] { hashing_.Work(); });
}

void ChunkPipeline::Read() {
  InputCutter cutter(memory_, *options_.chunker, input_, deadline_,
                     [this](Batch batch) { return hashing_.Push(std::move(batch)); });
  Batch last;
  last.status = cutter.Run();
  if (!last.status.ok()) hashing_.Push(std::move(last));
  hashing_.End();
}

absl::StatusOr<std::optional<ChunkPipeline::Batch>> ChunkPipeline::Next() {
  std::optional<Batch> batch = hashing_.Pop(deadline_);
  if (batch && !batch->status.ok()) return batch->status;
  if (!batch && runtime_.Now() >= deadline_) {
    return absl::DeadlineExceededError("the input was not read in time");
  }
  return batch;
}

}  // namespace l2p
