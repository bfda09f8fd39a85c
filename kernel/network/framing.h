#ifndef L2P_KERNEL_NETWORK_FRAMING_H_
#define L2P_KERNEL_NETWORK_FRAMING_H_

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "l2p/transport.h"

namespace l2p {

// The size that `header`, the first bytes of a sized message, announces; nullopt while that is not
// complete. InvalidArgument when it is malformed or over `limit`.
absl::StatusOr<std::optional<size_t>> AnnouncedSize(std::string_view header, size_t limit);

// A FrameReader assembles messages from a Stream by reads that never wait, so that a message on
// its way owns no task. One task at a time.
class FrameReader {
 public:
  enum class Framing {
    kSized,  // message := uvarint(size) byte[size], size <= limit
    kFixed,  // message := byte[limit]
  };
  enum class Progress { kMessage, kMore, kEnd };

  FrameReader(Framing framing, size_t limit);

  // kMessage: Take() it before the next Poll. kMore: poll again when the stream is readable. kEnd:
  // the other side closed between two messages. InvalidArgument: too long, cut short or malformed;
  // else what Read said.
  absl::StatusOr<Progress> Poll(Stream& stream);

  Bytes Take();

 private:
  MutableByteView Space();
  absl::Status AddHeaderByte();

  Framing framing_;
  size_t limit_;
  std::string header_;
  uint8_t byte_ = 0;
  std::optional<size_t> size_;
  std::string body_;
  size_t filled_ = 0;
};

// Appends `message` with its size before it.
void AppendFramed(std::string_view message, std::string& out);

// `message` with its size before it, ready for Stream::Write.
std::array<Bytes, 2> Framed(Bytes message);

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_FRAMING_H_
