#include "kernel/content/importer.h"

#include "kernel/content/chunk_pipeline.h"
#include "kernel/content/dag_builder.h"

namespace l2p {
namespace {

// An Importer turns what the pipeline read into the dag.
class Importer {
 public:
  Importer(BlockService::Operation* operation, const ImportOptions& options,
           const GroupSink& on_group, const ReadProgress& on_read)
      : on_read_(on_read),
        writer_(*options.hasher, operation, on_group),
        file_(writer_, options.profile.links),
        tree_(writer_, options.profile) {}

  absl::Status Add(ChunkPipeline::Batch batch) {
    for (ChunkPipeline::Batch::Step& step : batch.steps) {
      L2P_RETURN_IF_ERROR(Take(step, batch));
    }
    L2P_RETURN_IF_ERROR(writer_.Flush());
    if (on_read_) on_read_(read_bytes_);
    return absl::OkStatus();
  }

  absl::StatusOr<ImportResult> Finish() {
    L2P_ASSIGN_OR_RETURN(Subtree root, tree_.Finish());
    L2P_RETURN_IF_ERROR(writer_.Finish(root));
    return ImportResult{root.cid, read_bytes_, root.dag_bytes};
  }

 private:
  using Step = ChunkPipeline::Batch::Step;

  absl::Status Take(Step& step, ChunkPipeline::Batch& batch) {
    switch (step.kind) {
      case Step::Kind::kEntry:
        return Begin(std::move(step.entry));
      case Step::Kind::kChunk: {
        Bytes data = std::move(batch.chunks[step.chunk]);
        read_bytes_ += data.size();
        return file_.Add(writer_.AddChunk(std::move(batch.ids[step.chunk]), std::move(data)));
      }
      case Step::Kind::kFileEnd: {
        L2P_ASSIGN_OR_RETURN(Subtree file, file_.Finish());
        return tree_.Add(path_, std::move(file));
      }
    }
    return absl::OkStatus();
  }

  absl::Status Begin(Input::Entry entry) {
    switch (entry.type) {
      case Input::Entry::Type::kFile:
        path_ = std::move(entry.path);
        return absl::OkStatus();
      case Input::Entry::Type::kFolder:
        return tree_.AddFolder(entry.path);
      case Input::Entry::Type::kLink: {
        L2P_ASSIGN_OR_RETURN(Subtree link, AddSymlink(writer_, entry.target));
        return tree_.Add(entry.path, std::move(link));
      }
    }
    return absl::OkStatus();
  }

  const ReadProgress& on_read_;
  DagWriter writer_;
  FileBuilder file_;
  TreeBuilder tree_;
  std::string path_;  // Of the file that is being read.
  uint64_t read_bytes_ = 0;
};

}  // namespace

absl::StatusOr<ImportResult> Import(Runtime& runtime, Memory& memory,
                                    BlockService::Operation* operation,
                                    const ImportOptions& options, Input& input,
                                    const GroupSink& on_group, const ReadProgress& on_read) {
  Importer importer(operation, options, on_group, on_read);
  ChunkPipeline pipeline(runtime, memory, options, input);
  L2P_RETURN_IF_ERROR(pipeline.Start());
  for (;;) {
    L2P_ASSIGN_OR_RETURN(std::optional<ChunkPipeline::Batch> batch, pipeline.Next());
    if (!batch) return importer.Finish();
    L2P_RETURN_IF_ERROR(importer.Add(*std::move(batch)));
  }
}

}  // namespace l2p
