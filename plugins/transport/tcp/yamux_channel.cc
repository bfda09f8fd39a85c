#include "yamux_channel.h"

#include <algorithm>
#include <cstring>

namespace l2p::tcp {

void ReceiveQueue::Append(ByteView bytes) {
  size_ += bytes.size();
  while (!bytes.empty()) {
    if (chunks_.empty() || chunks_.back().end == chunks_.back().capacity) {
      const size_t capacity = std::clamp(bytes.size(), kMinChunk, kMaxChunk);
      chunks_.push_back({std::make_unique<uint8_t[]>(capacity), capacity, 0, 0});
    }
    Chunk& last = chunks_.back();
    const size_t count = std::min(bytes.size(), last.capacity - last.end);
    std::memcpy(last.memory.get() + last.end, bytes.data(), count);
    last.end += count;
    bytes = bytes.subspan(count);
  }
}

ByteView ReceiveQueue::front() const {
  if (empty()) return {};
  const Chunk& chunk = chunks_[first_];
  return {chunk.memory.get() + chunk.begin, chunk.end - chunk.begin};
}

void ReceiveQueue::Drop(size_t count) {
  size_ -= count;
  chunks_[first_].begin += count;
  if (chunks_[first_].begin == chunks_[first_].end) chunks_[first_++].memory.reset();
  if (empty()) {
    Clear();
  } else if (first_ >= 16 && first_ * 2 >= chunks_.size()) {
    chunks_.erase(chunks_.begin(), chunks_.begin() + static_cast<ptrdiff_t>(first_));
    first_ = 0;
  }
}

size_t ReceiveQueue::Take(MutableByteView into) {
  size_t taken = 0;
  while (taken < into.size() && !empty()) {
    const ByteView next = front();
    const size_t count = std::min(next.size(), into.size() - taken);
    std::memcpy(into.data() + taken, next.data(), count);
    Drop(count);
    taken += count;
  }
  return taken;
}

void ReceiveQueue::Clear() {
  std::vector<Chunk>().swap(chunks_);
  first_ = 0;
  size_ = 0;
}

void SendQueue::Append(Bytes bytes) {
  if (bytes.empty()) return;
  size_ += bytes.size();
  parts_.push_back(std::move(bytes));
}

void SendQueue::Take(MutableByteView out) {
  size_ -= out.size();
  while (!out.empty()) {
    Bytes& part = parts_[first_];
    const size_t count = std::min(out.size(), part.size() - offset_);
    std::memcpy(out.data(), part.data() + offset_, count);
    out = out.subspan(count);
    offset_ += count;
    if (offset_ == part.size()) {
      part = Bytes();
      ++first_;
      offset_ = 0;
    }
  }
  if (size_ == 0) {
    Clear();
  } else if (first_ >= 16 && first_ * 2 >= parts_.size()) {
    parts_.erase(parts_.begin(), parts_.begin() + static_cast<ptrdiff_t>(first_));
    first_ = 0;
  }
}

void SendQueue::Clear() {
  std::vector<Bytes>().swap(parts_);
  first_ = 0;
  offset_ = 0;
  size_ = 0;
}

}  // namespace l2p::tcp
