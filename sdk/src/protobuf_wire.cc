// field := varint(number * 8 + type) value
// value := varint (type 0) | byte[8] (1) | varint(size) byte[size] (2) | byte[4] (5)
//
// Fixed values are little-endian. Types 3 and 4, groups, are refused.
#include "l2p/protobuf_wire.h"

#include "l2p/varint.h"

namespace l2p {
namespace {

constexpr size_t kMaxWireVarintBytes = 10;
constexpr uint64_t kMaxFieldNumber = (1u << 29) - 1;

bool TakeBytes(uint64_t size, ByteView& in, ByteView& out) {
  if (size > in.size()) return false;
  out = in.first(size);
  in = in.subspan(size);
  return true;
}

bool TakeFixed(size_t size, ByteView& in, uint64_t& value) {
  ByteView bytes;
  if (!TakeBytes(size, in, bytes)) return false;
  for (size_t i = size; i-- > 0;) value = value << 8 | bytes[i];
  return true;
}

uint64_t Tag(uint32_t number, WireType type) {
  return uint64_t{number} << 3 | static_cast<uint64_t>(type);
}

}  // namespace

std::optional<uint64_t> TakeWireVarint(ByteView& in) {
  uint64_t value = 0;
  for (size_t i = 0; i < kMaxWireVarintBytes && i < in.size(); ++i) {
    const uint8_t byte = in[i];
    if (i == kMaxWireVarintBytes - 1 && byte > 1) return std::nullopt;
    value |= uint64_t{byte & 0x7fu} << (7 * i);
    if (byte & 0x80) continue;
    in = in.subspan(i + 1);
    return value;
  }
  return std::nullopt;
}

std::optional<WireField> TakeWireField(ByteView& in) {
  const std::optional<uint64_t> tag = TakeWireVarint(in);
  if (!tag || *tag >> 3 == 0 || *tag >> 3 > kMaxFieldNumber) return std::nullopt;
  WireField field;
  field.number = static_cast<uint32_t>(*tag >> 3);
  field.type = static_cast<WireType>(*tag & 7);
  switch (field.type) {
    case WireType::kVarint:
    case WireType::kBytes: {
      const std::optional<uint64_t> value = TakeWireVarint(in);
      if (!value) return std::nullopt;
      if (field.type == WireType::kVarint) {
        field.value = *value;
      } else if (!TakeBytes(*value, in, field.bytes)) {
        return std::nullopt;
      }
      return field;
    }
    case WireType::kFixed64:
      if (!TakeFixed(8, in, field.value)) return std::nullopt;
      return field;
    case WireType::kFixed32:
      if (!TakeFixed(4, in, field.value)) return std::nullopt;
      return field;
  }
  return std::nullopt;
}

void AppendWireVarint(uint32_t number, uint64_t value, std::string& out) {
  AppendVarint(Tag(number, WireType::kVarint), out);
  AppendVarint(value, out);
}

void AppendWireFixed32(uint32_t number, uint32_t value, std::string& out) {
  AppendVarint(Tag(number, WireType::kFixed32), out);
  for (int i = 0; i < 4; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

void AppendWireBytes(uint32_t number, std::string_view bytes, std::string& out) {
  AppendVarint(Tag(number, WireType::kBytes), out);
  AppendVarint(bytes.size(), out);
  out += bytes;
}

size_t WireVarintSize(uint32_t number, uint64_t value) {
  return VarintSize(Tag(number, WireType::kVarint)) + VarintSize(value);
}

size_t WireBytesSize(uint32_t number, size_t size) {
  return VarintSize(Tag(number, WireType::kBytes)) + VarintSize(size) + size;
}

}  // namespace l2p
