// Bytes in memory: lent (ByteView), shared and immutable (Bytes), owned and writable (Buffer).
//
// A block's bytes are written once, into the Buffer that is then verified, stored and served:
// Memory::Take -> Buffer -> Stream::Read(into) -> Freeze -> Bytes -> BlockStore::Put.
#ifndef L2P_BYTES_H_
#define L2P_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "l2p/api.h"

namespace l2p {

// Lent for the length of a call.
using ByteView = std::span<const uint8_t>;
using MutableByteView = std::span<uint8_t>;

inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
L2P_SDK_API bool Equal(ByteView a, ByteView b);

// Lower-case hexadecimal of `bytes`, and back; FromHex returns false on any other character or an
// odd count, leaving `out` unspecified.
L2P_SDK_API std::string ToHex(ByteView bytes);
L2P_SDK_API bool FromHex(std::string_view text, std::string& out);

// Immutable bytes that share one owner; copying and slicing cost a reference count.
// Any thread. A small slice keeps its whole owner alive: Copy what outlives its operation.
class L2P_SDK_API Bytes {
 public:
  Bytes() = default;
  // `owner` keeps `view` valid for as long as any slice lives.
  Bytes(std::shared_ptr<const void> owner, ByteView view) : owner_(std::move(owner)), view_(view) {}

  static Bytes Copy(ByteView bytes);
  static Bytes Copy(std::string_view text) { return Copy(AsBytes(text)); }
  static Bytes Of(std::string text);  // Takes the string over without a copy.

  const uint8_t* data() const { return view_.data(); }
  size_t size() const { return view_.size(); }
  bool empty() const { return view_.empty(); }
  ByteView view() const { return view_; }
  std::string_view text() const { return AsText(view_); }
  operator ByteView() const { return view_; }  // NOLINT(google-explicit-constructor): lends itself.

  // REQUIRES: offset + size <= this->size().
  Bytes Slice(size_t offset, size_t size) const;

 private:
  std::shared_ptr<const void> owner_;
  ByteView view_;
};

// Writable bytes with one owner, counted against a Memory budget until the last Bytes made of them
// is gone. Move only; one thread at a time.
class L2P_SDK_API Buffer {
 public:
  Buffer() = default;
  // `release` runs once, on whichever thread drops the last reference.
  Buffer(uint8_t* data, size_t size, std::function<void()> release);
  Buffer(Buffer&& other) noexcept;  // Leaves `other` empty.
  Buffer& operator=(Buffer&& other) noexcept;

  // Memory outside any budget: for tests and small fixed needs.
  static Buffer Unbudgeted(size_t size);

  uint8_t* data() { return data_; }
  const uint8_t* data() const { return data_; }
  size_t size() const { return size_; }
  MutableByteView span() { return {data_, size_}; }
  ByteView view() const { return {data_, size_}; }

  // Shortens what view() and Freeze() show; the memory stays taken. REQUIRES: size <= size().
  void Truncate(size_t size);

  // Ends writing. This Buffer is empty afterwards.
  Bytes Freeze() &&;

 private:
  std::shared_ptr<void> owner_;
  uint8_t* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace l2p

#endif  // L2P_BYTES_H_
