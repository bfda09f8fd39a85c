// Unsigned varints: LEB128, least significant group first, at most 9 bytes (values below 2^63), and
// only in the shortest form (https://github.com/multiformats/unsigned-varint).
#ifndef L2P_VARINT_H_
#define L2P_VARINT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "l2p/bytes.h"

namespace l2p {

inline constexpr size_t kMaxVarintBytes = 9;

// Values from 2^63 on take ten bytes: right for protobuf fields, refused by ReadVarint.
L2P_SDK_API void AppendVarint(uint64_t value, std::string& out);
L2P_SDK_API size_t VarintSize(uint64_t value);

struct Varint {
  uint64_t value = 0;
  size_t size = 0;  // Bytes read.
};

enum class VarintError { kTruncated, kInvalid };

// Reads a varint from the front of `in`. On failure returns nullopt and sets `error`: kTruncated
// when more bytes could make it valid, kInvalid when it is too long or not in shortest form.
L2P_SDK_API std::optional<Varint> ReadVarint(ByteView in, VarintError& error);

// As above, advancing `in` past the varint; nullopt (nothing consumed) on either error.
L2P_SDK_API std::optional<uint64_t> TakeVarint(ByteView& in);

}  // namespace l2p

#endif  // L2P_VARINT_H_
