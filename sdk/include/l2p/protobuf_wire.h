// Protobuf on the wire, field by field, for formats whose exact bytes matter
// (https://protobuf.dev/programming-guides/encoding). Other messages use generated code.
#ifndef L2P_PROTOBUF_WIRE_H_
#define L2P_PROTOBUF_WIRE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "l2p/bytes.h"

namespace l2p {

enum class WireType : uint8_t { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct WireField {
  uint32_t number = 0;
  WireType type = WireType::kVarint;
  uint64_t value = 0;  // Of kVarint, kFixed64, kFixed32.
  ByteView bytes;      // Of kBytes; a part of the input.

  bool Is(uint32_t wanted_number, WireType wanted_type) const {
    return number == wanted_number && type == wanted_type;
  }
};

// Takes one field off the front of `in`; nullopt (with `in` unspecified) when it is truncated, of
// number 0, a group, or holds a varint of more than 64 bits. Varints need not be in shortest form.
L2P_SDK_API std::optional<WireField> TakeWireField(ByteView& in);

// As above for a bare varint, as in packed fields.
L2P_SDK_API std::optional<uint64_t> TakeWireVarint(ByteView& in);

L2P_SDK_API void AppendWireVarint(uint32_t number, uint64_t value, std::string& out);
L2P_SDK_API void AppendWireFixed32(uint32_t number, uint32_t value, std::string& out);
L2P_SDK_API void AppendWireBytes(uint32_t number, std::string_view bytes, std::string& out);

// Bytes that AppendWireVarint and AppendWireBytes add.
L2P_SDK_API size_t WireVarintSize(uint32_t number, uint64_t value);
L2P_SDK_API size_t WireBytesSize(uint32_t number, size_t size);

}  // namespace l2p

#endif  // L2P_PROTOBUF_WIRE_H_
