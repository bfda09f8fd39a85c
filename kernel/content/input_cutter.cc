#include "kernel/content/input_cutter.h"

#include <algorithm>
#include <array>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

// Large enough that handing it on costs little beside hashing it, small enough to stay in the caches
// nearby.
constexpr size_t kWindow = 4 << 20;
// No put uses more than this part of the node's memory for one window; it has up to eight.
constexpr size_t kMemoryShare = 16;
constexpr size_t kMaxSteps = 4096;  // In a batch: of empty files and folders.
constexpr size_t kEndsAtOnce = 64;

size_t WindowSize(size_t limit, size_t max_chunk) {
  const size_t wanted = std::min(kWindow, limit / kMemoryShare);
  return std::max<size_t>(wanted / max_chunk, 1) * max_chunk;
}

}  // namespace

InputCutter::InputCutter(Memory& memory, const Chunker& chunker, Input& input, Time deadline,
                         Sink sink)
    : memory_(memory),
      chunker_(chunker),
      input_(input),
      deadline_(deadline),
      sink_(std::move(sink)),
      window_size_(WindowSize(memory.limit(), chunker.max_chunk())) {}

absl::Status InputCutter::Run() {
  for (;;) {
    L2P_ASSIGN_OR_RETURN(std::optional<Input::Entry> entry, input_.Next());
    if (!entry) return HandOver();
    const bool file = entry->type == Input::Entry::Type::kFile;
    const std::string path = entry->path;
    batch_.steps.push_back({Batch::Step::Kind::kEntry, *std::move(entry), 0});
    if (file) L2P_RETURN_IF_ERROR(WithContext(CutFile(), absl::StrCat("read \"", path, "\"")));
    if (batch_.steps.size() >= kMaxSteps) L2P_RETURN_IF_ERROR(NextWindow());
  }
}

absl::Status InputCutter::CutFile() {
  begin_ = filled_;
  bool any = false;
  for (bool at_end = false; !at_end;) {
    if (filled_ == window_.size()) L2P_RETURN_IF_ERROR(NextWindow());
    L2P_ASSIGN_OR_RETURN(const size_t count, input_.Read(window_.span().subspan(filled_)));
    at_end = count == 0;
    any = any || count > 0;
    filled_ += count;
    const bool decided = filled_ - begin_ >= chunker_.max_chunk() || filled_ == window_.size();
    if (at_end || decided) L2P_RETURN_IF_ERROR(CutWindow(at_end));
  }
  if (!any) AddChunk(0);
  batch_.steps.push_back({Batch::Step::Kind::kFileEnd, {}, 0});
  return absl::OkStatus();
}

absl::Status InputCutter::CutWindow(bool at_end) {
  std::array<size_t, kEndsAtOnce> ends;
  while (begin_ < filled_) {
    const ByteView rest = window_.view().subspan(begin_, filled_ - begin_);
    const size_t count = chunker_.Cut(rest, at_end, ends);
    size_t last = 0;
    for (size_t i = 0; i < count && i < ends.size(); ++i) {
      const bool sane =
          ends[i] > last && ends[i] <= rest.size() && ends[i] - last <= chunker_.max_chunk();
      if (!sane) break;
      AddChunk(ends[i] - last);
      last = ends[i];
    }
    const bool must_cut = at_end || rest.size() >= chunker_.max_chunk();
    if (count > ends.size() || (count > 0 && last != ends[count - 1]) || (count == 0 && must_cut)) {
      return absl::InternalError(
          absl::StrCat("chunker ", chunker_.Parameters(), " breaks its contract"));
    }
    if (count == 0) break;
  }
  return absl::OkStatus();
}

void InputCutter::AddChunk(size_t size) {
  batch_.steps.push_back({Batch::Step::Kind::kChunk, {}, chunks_.size()});
  chunks_.emplace_back(begin_, size);
  begin_ += size;
}

absl::Status InputCutter::NextWindow() {
  // The tail is set aside rather than kept in its window: a task that waits for memory holds none.
  const ByteView tail = window_.view().subspan(begin_, filled_ - begin_);
  const std::vector<uint8_t> kept(tail.begin(), tail.end());
  L2P_RETURN_IF_ERROR(HandOver());
  size_t size = window_size_;
  if (std::exchange(first_window_, false) && input_.total_bytes()) {
    // One byte more, so that the end of the input is seen in the same window.
    size = std::min<uint64_t>(size, *input_.total_bytes() + 1);
  }
  L2P_ASSIGN_OR_RETURN(window_, memory_.Take(size, deadline_));
  if (!kept.empty()) std::memcpy(window_.data(), kept.data(), kept.size());
  filled_ = kept.size();
  return absl::OkStatus();
}

absl::Status InputCutter::HandOver() {
  const Bytes window = std::move(window_).Freeze();
  for (const auto& [offset, size] : std::exchange(chunks_, {})) {
    batch_.chunks.push_back(size == 0 ? Bytes() : window.Slice(offset, size));
  }
  begin_ = filled_ = 0;
  Batch batch = std::exchange(batch_, {});
  if (batch.steps.empty() || sink_(std::move(batch))) return absl::OkStatus();
  return absl::AbortedError("the put was stopped");
}

}  // namespace l2p
