#ifndef L2P_KERNEL_CONTENT_INPUT_CUTTER_H_
#define L2P_KERNEL_CONTENT_INPUT_CUTTER_H_

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "kernel/content/chunk_pipeline.h"

namespace l2p {

// An InputCutter reads an Input through windows of memory and cuts its files into chunks. Chunks
// are slices of the window they were read into; several small files share one. Only the undecided
// tail of a window is copied, to the start of the next. One task at a time.
class InputCutter {
 public:
  using Batch = ChunkPipeline::Batch;
  // Takes a finished batch over; false ends the reading.
  using Sink = std::function<bool(Batch)>;

  // All are lent and outlive this.
  InputCutter(Memory& memory, const Chunker& chunker, Input& input, Time deadline, Sink sink);

  // Reads all of the input.
  absl::Status Run();

 private:
  absl::Status CutFile();
  absl::Status CutWindow(bool at_end);
  absl::Status NextWindow();
  absl::Status HandOver();
  void AddChunk(size_t size);

  Memory& memory_;
  const Chunker& chunker_;
  Input& input_;
  const Time deadline_;
  const Sink sink_;
  const size_t window_size_;
  Buffer window_;
  size_t begin_ = 0;   // Of the chunk being read, in the window.
  size_t filled_ = 0;  // Bytes of the window that were read.
  Batch batch_;
  std::vector<std::pair<size_t, size_t>> chunks_;  // Offset and size in the window.
  bool first_window_ = true;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_INPUT_CUTTER_H_
