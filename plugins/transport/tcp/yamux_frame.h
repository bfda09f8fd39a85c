// A yamux frame (https://github.com/hashicorp/yamux/blob/master/spec.md) is a header of twelve
// bytes, big-endian, and for kData `length` bytes of body:
//
//   version 0 (1)  type (1)  flags (2)  stream id (4)  length (4)
//
//   type              id       length
//   0 data            stream   bytes of the body
//   1 window update   stream   credit to add
//   2 ping            0        a value to be echoed
//   3 go away         0        0 normal, 1 protocol error, 2 internal error
#ifndef L2P_PLUGINS_TRANSPORT_TCP_YAMUX_FRAME_H_
#define L2P_PLUGINS_TRANSPORT_TCP_YAMUX_FRAME_H_

#include <array>
#include <cstdint>

#include "l2p/bytes.h"

namespace l2p::tcp {

inline constexpr size_t kYamuxHeaderBytes = 12;
inline constexpr uint32_t kYamuxFirstWindow = 256 * 1024;

enum class YamuxType : uint8_t { kData = 0, kWindowUpdate = 1, kPing = 2, kGoAway = 3 };

enum YamuxFlag : uint16_t { kSyn = 1, kAck = 2, kFin = 4, kRst = 8 };

struct YamuxHeader {
  YamuxType type = YamuxType::kData;
  uint16_t flags = 0;
  uint32_t id = 0;
  uint32_t length = 0;
  uint8_t version = 0;

  std::array<uint8_t, kYamuxHeaderBytes> Encode() const {
    const auto byte = [](uint32_t value, int shift) {
      return static_cast<uint8_t>(value >> shift);
    };
    return {version,          static_cast<uint8_t>(type),
            byte(flags, 8),   byte(flags, 0),
            byte(id, 24),     byte(id, 16),
            byte(id, 8),      byte(id, 0),
            byte(length, 24), byte(length, 16),
            byte(length, 8),  byte(length, 0)};
  }

  // REQUIRES: bytes.size() == kYamuxHeaderBytes. Does not judge what it reads.
  static YamuxHeader Decode(ByteView bytes) {
    const auto word = [&](size_t at) {
      return uint32_t{bytes[at]} << 24 | uint32_t{bytes[at + 1]} << 16 |
             uint32_t{bytes[at + 2]} << 8 | uint32_t{bytes[at + 3]};
    };
    YamuxHeader header;
    header.version = bytes[0];
    header.type = static_cast<YamuxType>(bytes[1]);
    header.flags = static_cast<uint16_t>(bytes[2] << 8 | bytes[3]);
    header.id = word(4);
    header.length = word(8);
    return header;
  }
};

}  // namespace l2p::tcp

#endif  // L2P_PLUGINS_TRANSPORT_TCP_YAMUX_FRAME_H_
