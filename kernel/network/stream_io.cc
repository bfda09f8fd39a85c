#include "kernel/network/stream_io.h"

#include "kernel/network/framing.h"
#include "l2p/varint.h"

namespace l2p {

absl::Status ReadExactly(const ReadSome& read, MutableByteView into) {
  while (!into.empty()) {
    L2P_ASSIGN_OR_RETURN(const size_t got, read(into));
    if (got == 0) return absl::UnavailableError("the stream ended in the middle of a message");
    into = into.subspan(got);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReadMessage(const ReadSome& read, size_t limit) {
  std::string head;
  for (;;) {
    uint8_t byte;
    L2P_ASSIGN_OR_RETURN(const size_t got, read({&byte, 1}));
    if (got == 0) {
      return head.empty() ? absl::NotFoundError("the stream has ended")
                          : absl::UnavailableError("the stream ended in the middle of a message");
    }
    head.push_back(static_cast<char>(byte));
    L2P_ASSIGN_OR_RETURN(const std::optional<size_t> size, AnnouncedSize(head, limit));
    if (!size) continue;
    std::string message(*size, '\0');
    L2P_RETURN_IF_ERROR(
        ReadExactly(read, {reinterpret_cast<uint8_t*>(message.data()), message.size()}));
    return message;
  }
}

Bytes FramedMessage(const std::string& message) {
  std::string framed;
  framed.reserve(message.size() + kMaxVarintBytes);
  AppendFramed(message, framed);
  return Bytes::Of(std::move(framed));
}

std::string NewBitmap(size_t bits) { return std::string((bits + 7) / 8, '\0'); }

void SetBit(std::string& bitmap, size_t bit) {
  bitmap[bit / 8] = static_cast<char>(bitmap[bit / 8] | 1 << bit % 8);
}

bool TestBit(const std::string& bitmap, size_t bit) {
  return bit / 8 < bitmap.size() && (bitmap[bit / 8] >> bit % 8 & 1) != 0;
}

}  // namespace l2p
