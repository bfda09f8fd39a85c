#include "kernel/network/ending_streams.h"

#include <vector>

namespace l2p {

void EndingStreams::Add(std::unique_ptr<Stream> stream, Carried carried) {
  const bool is_closed = carried == Carried::kOne;
  if (is_closed) stream->CloseWrite();
  auto ending = std::make_shared<Ending>(Ending{std::move(stream), runtime_.Now(), is_closed});
  uint64_t id;
  {
    MutexLock lock(mutex_);
    id = next_id_++;
    endings_.emplace(id, ending);
  }
  ResetAllBefore(absl::InfinitePast(), kMost);
  Drain(id, ending);
}

void EndingStreams::Drain(uint64_t id, const std::shared_ptr<Ending>& ending) {
  uint8_t dropped[4096];
  for (;;) {
    const absl::StatusOr<size_t> read = ending->stream->Read(dropped, absl::InfinitePast());
    if (absl::IsDeadlineExceeded(read.status())) break;
    if (read.ok() && *read > 0) continue;
    MutexLock lock(mutex_);
    endings_.erase(id);  // `ending` keeps the stream until the mutex is free again.
    return;
  }
  // The stream holds this function: a strong pointer would keep both alive for ever.
  ending->stream->WhenReadable([this, id, weak = std::weak_ptr<Ending>(ending)] {
    if (std::shared_ptr<Ending> strong = weak.lock()) Drain(id, strong);
  });
}

void EndingStreams::ResetAllBefore(Time limit, size_t most_left) {
  std::vector<std::shared_ptr<Ending>> late;
  {
    MutexLock lock(mutex_);
    while (!endings_.empty() &&
           (endings_.size() > most_left || endings_.begin()->second->since < limit)) {
      late.push_back(std::move(endings_.begin()->second));
      endings_.erase(endings_.begin());
    }
  }
  for (const auto& ending : late) ending->stream->Reset();
}

void EndingStreams::CloseLingering(Time limit) {
  std::vector<std::shared_ptr<Ending>> closing;
  {
    MutexLock lock(mutex_);
    for (const auto& [_, ending] : endings_) {
      if (!ending->is_closed && ending->since <= limit) {
        ending->is_closed = true;
        closing.push_back(ending);
      }
    }
  }
  for (const auto& ending : closing) ending->stream->CloseWrite();
}

void EndingStreams::Sweep() {
  CloseLingering(runtime_.Now() - kLinger);
  ResetAllBefore(runtime_.Now() - kPatience, kMost);
}

void EndingStreams::Clear() { ResetAllBefore(absl::InfiniteFuture(), 0); }

size_t EndingStreams::size() {
  MutexLock lock(mutex_);
  return endings_.size();
}

}  // namespace l2p
