// multihash := varint(code) varint(size of digest) digest
#include "l2p/multihash.h"

#include "absl/strings/str_cat.h"
#include "l2p/multibase.h"
#include "l2p/varint.h"

namespace l2p {
namespace {

constexpr size_t kMinDigest = 20;  // Shorter ones can be forged (kubo refuses them as well).
constexpr size_t kMaxDigest = 128;

struct Limits {
  size_t min;
  size_t max;
};

Limits LimitsOf(HashCode code) {
  switch (code) {
    case HashCode::kIdentity:
      return {0, kMaxDigest};
    case HashCode::kSha1:
      return {20, 20};
    case HashCode::kSha2_512:
      return {64, 64};
    case HashCode::kSha2_256:
    case HashCode::kSha3_256:
    case HashCode::kBlake3:
    case HashCode::kBlake2b256:
      return {32, 32};
  }
  return {kMinDigest, kMaxDigest};
}

absl::Status CheckSize(HashCode code, uint64_t size) {
  Limits limits = LimitsOf(code);
  if (size >= limits.min && size <= limits.max) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("multihash of function 0x",
                                                 absl::Hex(static_cast<uint64_t>(code)),
                                                 " with a digest of ", size, " bytes"));
}

}  // namespace

absl::StatusOr<Multihash> Multihash::FromDigest(HashCode code, ByteView digest) {
  L2P_RETURN_IF_ERROR(CheckSize(code, digest.size()));
  std::string binary;
  binary.reserve(VarintSize(static_cast<uint64_t>(code)) + 2 + digest.size());
  AppendVarint(static_cast<uint64_t>(code), binary);
  AppendVarint(digest.size(), binary);
  binary.append(AsText(digest));
  return Multihash(std::move(binary));
}

absl::StatusOr<Multihash> Multihash::FromBinary(ByteView binary) {
  absl::StatusOr<Multihash> hash = Take(binary);
  if (hash.ok() && !binary.empty()) {
    return absl::InvalidArgumentError("multihash is followed by more bytes");
  }
  return hash;
}

absl::StatusOr<Multihash> Multihash::Take(ByteView& in) {
  ByteView rest = in;
  std::optional<uint64_t> code = TakeVarint(rest);
  std::optional<uint64_t> size = code ? TakeVarint(rest) : std::nullopt;
  if (!size) return absl::InvalidArgumentError("multihash starts with a bad varint");
  L2P_RETURN_IF_ERROR(CheckSize(static_cast<HashCode>(*code), *size));
  if (rest.size() < *size) return absl::InvalidArgumentError("multihash is truncated");
  const size_t total = in.size() - rest.size() + *size;
  Multihash hash(std::string(AsText(in.first(total))));
  in = in.subspan(total);
  return hash;
}

HashCode Multihash::code() const {
  ByteView rest = binary();
  return static_cast<HashCode>(TakeVarint(rest).value_or(0));
}

ByteView Multihash::digest() const {
  ByteView rest = binary();
  TakeVarint(rest);
  TakeVarint(rest);
  return rest;
}

std::string Multihash::ToString() const { return EncodeMultibase('b', binary()); }

}  // namespace l2p
