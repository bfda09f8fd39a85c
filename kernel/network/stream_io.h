#ifndef L2P_KERNEL_NETWORK_STREAM_IO_H_
#define L2P_KERNEL_NETWORK_STREAM_IO_H_

#include <functional>
#include <string>

#include "l2p/transport.h"

namespace l2p {

// Reads some bytes, as Stream::Read does; how long it waits is its owner's affair.
using ReadSome = std::function<absl::StatusOr<size_t>(MutableByteView into)>;

// Reads exactly into.size() bytes; Unavailable when the stream ends before.
absl::Status ReadExactly(const ReadSome& read, MutableByteView into);

// Reads one uvarint-framed message of at most `limit` bytes without reading past its end.
// InvalidArgument when it is longer or malformed; NotFound when the stream ended before it began.
absl::StatusOr<std::string> ReadMessage(const ReadSome& read, size_t limit);

// `message` (serialised) with its size before it.
Bytes FramedMessage(const std::string& message);

// Bitmaps of have-answers: bit i % 8, least significant first, of byte i / 8.
std::string NewBitmap(size_t bits);
void SetBit(std::string& bitmap, size_t bit);
bool TestBit(const std::string& bitmap, size_t bit);  // False past the end.

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_STREAM_IO_H_
