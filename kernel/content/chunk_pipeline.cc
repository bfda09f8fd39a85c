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
      cut_(runtime),
      hashed_(runtime),
      tasks_(runtime.tasks(), runtime.NewEvent()) {}

ChunkPipeline::~ChunkPipeline() {
  cut_.Close();
  hashed_.Close();
  tasks_.Join();
}

absl::Status ChunkPipeline::Start() {
  L2P_RETURN_IF_ERROR(tasks_.Start("content.read", [this] { Read(); }));
  return tasks_.Start("content.hash", [this] { Hash(); });
}

void ChunkPipeline::Read() {
  InputCutter cutter(memory_, *options_.chunker, input_, deadline_,
                     [this](Batch batch) { return cut_.Push(std::move(batch)); });
  Batch last;
  last.status = cutter.Run();
  if (!last.status.ok()) cut_.Push(std::move(last));
  cut_.Close();
}

void ChunkPipeline::Hash() {
  while (std::optional<Batch> batch = cut_.Pop(absl::InfiniteFuture())) {
    const std::vector<ByteView> views(batch->chunks.begin(), batch->chunks.end());
    batch->ids = Hashers::HashAll(*options_.hasher, views, runtime_.tasks());
    if (!hashed_.Push(*std::move(batch))) break;
  }
  hashed_.Close();
}

absl::StatusOr<std::optional<ChunkPipeline::Batch>> ChunkPipeline::Next() {
  std::optional<Batch> batch = hashed_.Pop(deadline_);
  if (batch && !batch->status.ok()) return batch->status;
  if (!batch && runtime_.Now() >= deadline_) {
    return absl::DeadlineExceededError("the input was not read in time");
  }
  return batch;
}

}  // namespace l2p
