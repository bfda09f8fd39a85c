// text := prefix digit*
//
// Bases of 2^n digits (f F b B m M u U): digits are the bytes' bits, n at a time, most significant
// first; the last digit is filled up with zero bits, M and U add '=' up to a multiple of 4 digits.
// Other bases (z k K): one big-endian number; each leading zero byte is one leading zero digit.
#include "l2p/multibase.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <vector>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

constexpr size_t kMaxNumberDigits = 512;

// One base. `bits` is the bits of a digit, or 0 where the base is a number's.
struct Base {
  consteval Base(char prefix, int bits, bool padded, std::string_view digits)
      : prefix(prefix), bits(bits), padded(padded), digits(digits) {
    values.fill(-1);
    for (size_t i = 0; i < digits.size(); ++i) {
      values[static_cast<uint8_t>(digits[i])] = static_cast<int8_t>(i);
    }
  }

  int ValueOf(char digit) const { return values[static_cast<uint8_t>(digit)]; }

  char prefix;
  int bits;
  bool padded;
  std::string_view digits;
  std::array<int8_t, 256> values{};
};

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr Base kBase58('z', 0, false, "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz");
constexpr Base kBases[] = {
    {'b', 5, false, "abcdefghijklmnopqrstuvwxyz234567"},
    {'B', 5, false, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"},
    kBase58,
    {'k', 0, false, "0123456789abcdefghijklmnopqrstuvwxyz"},
    {'K', 0, false, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
    {'f', 4, false, "0123456789abcdef"},
    {'F', 4, false, "0123456789ABCDEF"},
    {'m', 6, false, kBase64},
    {'M', 6, true, kBase64},
    {'u', 6, false, kBase64Url},
    {'U', 6, true, kBase64Url},
};

const Base* FindBase(char prefix) {
  auto* found = std::find_if(std::begin(kBases), std::end(kBases),
                             [prefix](const Base& base) { return base.prefix == prefix; });
  return found == std::end(kBases) ? nullptr : found;
}

absl::Status BadDigit(const Base& base) {
  return absl::InvalidArgumentError(
      absl::StrCat("text of base '", std::string(1, base.prefix), "' has a foreign character"));
}

void EncodeBits(const Base& base, ByteView bytes, std::string& out) {
  uint32_t pending = 0;
  int pending_bits = 0;
  const uint32_t mask = (1u << base.bits) - 1;
  for (uint8_t byte : bytes) {
    pending = pending << 8 | byte;
    for (pending_bits += 8; pending_bits >= base.bits;) {
      pending_bits -= base.bits;
      out.push_back(base.digits[pending >> pending_bits & mask]);
    }
  }
  if (pending_bits > 0) out.push_back(base.digits[pending << (base.bits - pending_bits) & mask]);
  while (base.padded && out.size() % 4 != 1) out.push_back('=');  // 1: the prefix.
}

absl::StatusOr<std::string> DecodeBits(const Base& base, std::string_view text) {
  if (base.padded) {
    if (text.size() % 4 != 0) return absl::InvalidArgumentError("text lacks base64 padding");
    for (int i = 0; i < 2 && !text.empty() && text.back() == '='; ++i) text.remove_suffix(1);
  }
  std::string bytes;
  bytes.reserve(text.size() * base.bits / 8);
  uint32_t pending = 0;
  int pending_bits = 0;
  for (char digit : text) {
    int value = base.ValueOf(digit);
    if (value < 0) return BadDigit(base);
    pending = pending << base.bits | static_cast<uint32_t>(value);
    pending_bits += base.bits;
    if (pending_bits < 8) continue;
    pending_bits -= 8;
    bytes.push_back(static_cast<char>(pending >> pending_bits));
  }
  // A whole digit left over is an impossible length; bits that are set were cut off something.
  if (pending_bits >= base.bits || (pending & ((1u << pending_bits) - 1)) != 0) {
    return absl::InvalidArgumentError("text is truncated or has leftover bits");
  }
  return bytes;
}

// Divides the big-endian number `limbs` by `divisor` in place and returns the remainder.
uint32_t DivideBy(uint32_t divisor, std::vector<uint32_t>& limbs) {
  uint64_t remainder = 0;
  for (uint32_t& limb : limbs) {
    remainder = remainder << 32 | limb;
    limb = static_cast<uint32_t>(remainder / divisor);
    remainder %= divisor;
  }
  return static_cast<uint32_t>(remainder);
}

void EncodeNumber(const Base& base, ByteView bytes, std::string& out) {
  const size_t start = out.size();
  const uint32_t radix = static_cast<uint32_t>(base.digits.size());
  const size_t zeros =
      std::find_if(bytes.begin(), bytes.end(), [](uint8_t b) { return b != 0; }) - bytes.begin();
  std::vector<uint32_t> limbs((bytes.size() + 3) / 4);
  for (size_t i = 0; i < bytes.size(); ++i) {
    limbs[limbs.size() - 1 - i / 4] |= uint32_t{bytes[bytes.size() - 1 - i]} << (8 * (i % 4));
  }
  // Five digits a division: 58^5 still fits 32 bits.
  const uint32_t group = radix * radix * radix * radix * radix;
  while (!limbs.empty()) {
    if (limbs.front() == 0) {
      limbs.erase(limbs.begin());
      continue;
    }
    uint32_t rest = DivideBy(group, limbs);
    for (int i = 0; i < 5; ++i, rest /= radix) out.push_back(base.digits[rest % radix]);
  }
  while (out.size() > start && out.back() == base.digits[0]) out.pop_back();
  out.append(zeros, base.digits[0]);
  std::reverse(out.begin() + static_cast<ptrdiff_t>(start), out.end());
}

absl::StatusOr<std::string> DecodeNumber(const Base& base, std::string_view text) {
  if (text.size() > kMaxNumberDigits) return absl::InvalidArgumentError("text is too long");
  const uint64_t radix = base.digits.size();
  const size_t zeros = std::min(text.find_first_not_of(base.digits[0]), text.size());
  std::vector<uint32_t> limbs;  // Little-endian.
  for (char digit : text) {
    int value = base.ValueOf(digit);
    if (value < 0) return BadDigit(base);
    uint64_t carry = static_cast<uint64_t>(value);
    for (uint32_t& limb : limbs) {
      carry += limb * radix;
      limb = static_cast<uint32_t>(carry);
      carry >>= 32;
    }
    if (carry != 0) limbs.push_back(static_cast<uint32_t>(carry));
  }
  std::string bytes;
  for (uint32_t limb : limbs) {
    for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<char>(limb >> shift));
  }
  while (!bytes.empty() && bytes.back() == 0) bytes.pop_back();
  bytes.append(zeros, '\0');
  std::reverse(bytes.begin(), bytes.end());
  return bytes;
}

}  // namespace

std::string EncodeMultibase(char prefix, ByteView bytes) {
  const Base* base = FindBase(prefix);
  assert(base != nullptr);
  std::string text(1, prefix);
  if (base->bits != 0) {
    text.reserve(2 + bytes.size() * 8 / base->bits + 3);
    EncodeBits(*base, bytes, text);
  } else {
    EncodeNumber(*base, bytes, text);
  }
  return text;
}

absl::StatusOr<std::string> DecodeMultibase(std::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("empty multibase text");
  const Base* base = FindBase(text.front());
  if (base == nullptr) {
    return absl::InvalidArgumentError("text starts with no multibase prefix that l2p knows");
  }
  text.remove_prefix(1);
  return base->bits != 0 ? DecodeBits(*base, text) : DecodeNumber(*base, text);
}

std::string EncodeBase58(ByteView bytes) {
  std::string text;
  EncodeNumber(kBase58, bytes, text);
  return text;
}

absl::StatusOr<std::string> DecodeBase58(std::string_view text) {
  return DecodeNumber(kBase58, text);
}

}  // namespace l2p
