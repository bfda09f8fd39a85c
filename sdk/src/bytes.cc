#include "l2p/bytes.h"

#include <cassert>
#include <cstring>
#include <utility>

namespace l2p {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

int HexValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

}  // namespace

bool Equal(ByteView a, ByteView b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}

std::string ToHex(ByteView bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (uint8_t byte : bytes) {
    text.push_back(kHexDigits[byte >> 4]);
    text.push_back(kHexDigits[byte & 15]);
  }
  return text;
}

bool FromHex(std::string_view text, std::string& out) {
  if (text.size() % 2 != 0) return false;
  out.resize(text.size() / 2);
  for (size_t i = 0; i < out.size(); ++i) {
    int high = HexValue(text[2 * i]);
    int low = HexValue(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    out[i] = static_cast<char>(high << 4 | low);
  }
  return true;
}

Bytes Bytes::Copy(ByteView bytes) {
  Buffer buffer = Buffer::Unbudgeted(bytes.size());
  if (!bytes.empty()) std::memcpy(buffer.data(), bytes.data(), bytes.size());
  return std::move(buffer).Freeze();
}

Bytes Bytes::Of(std::string text) {
  auto owner = std::make_shared<const std::string>(std::move(text));
  ByteView view = AsBytes(*owner);
  return Bytes(std::move(owner), view);
}

Bytes Bytes::Slice(size_t offset, size_t size) const {
  assert(offset <= view_.size() && size <= view_.size() - offset);
  return Bytes(owner_, view_.subspan(offset, size));
}

Buffer::Buffer(uint8_t* data, size_t size, std::function<void()> release)
    : owner_(data, [release = std::move(release)](void*) { release(); }),
      data_(data),
      size_(size) {}

Buffer::Buffer(Buffer&& other) noexcept
    : owner_(std::move(other.owner_)),
      data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  owner_ = std::move(other.owner_);
  data_ = std::exchange(other.data_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

Buffer Buffer::Unbudgeted(size_t size) {
  // for_overwrite: whoever asks is about to fill it, so zeroing 2 MiB first would be waste.
  auto memory = std::make_shared_for_overwrite<uint8_t[]>(size);
  Buffer buffer;
  buffer.data_ = memory.get();
  buffer.size_ = size;
  buffer.owner_ = std::move(memory);
  return buffer;
}

void Buffer::Truncate(size_t size) {
  assert(size <= size_);
  size_ = size;
}

Bytes Buffer::Freeze() && {
  ByteView view(std::exchange(data_, nullptr), std::exchange(size_, 0));
  return Bytes(std::move(owner_), view);
}

}  // namespace l2p
