// varint := more* last     more: high bit set, 7 bits of value; last: high bit clear
//
// Groups of 7 bits, least significant first. The last byte is zero only in the varint "00".
#include "l2p/varint.h"

#include <bit>

namespace l2p {

void AppendVarint(uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

size_t VarintSize(uint64_t value) { return (std::bit_width(value | 1) + 6) / 7; }

std::optional<Varint> ReadVarint(ByteView in, VarintError& error) {
  uint64_t value = 0;
  for (size_t i = 0; i < kMaxVarintBytes; ++i) {
    if (i == in.size()) {
      error = VarintError::kTruncated;
      return std::nullopt;
    }
    value |= uint64_t{in[i] & 0x7fu} << (7 * i);
    if (in[i] & 0x80) continue;
    if (i > 0 && in[i] == 0) break;
    return Varint{value, i + 1};
  }
  error = VarintError::kInvalid;
  return std::nullopt;
}

std::optional<uint64_t> TakeVarint(ByteView& in) {
  VarintError error;
  std::optional<Varint> varint = ReadVarint(in, error);
  if (!varint) return std::nullopt;
  in = in.subspan(varint->size);
  return varint->value;
}

}  // namespace l2p
