// binary := v0 | v1
// v0     := 12 20 byte[32]                        (a bare sha2-256 multihash, codec dag-pb implied)
// v1     := varint(1) varint(codec) multihash
// text   := base58btc(v0), 46 characters "Qm..."  |  multibase(v1)
#include "l2p/cid.h"

#include "absl/strings/str_cat.h"
#include "l2p/multibase.h"
#include "l2p/varint.h"

namespace l2p {
namespace {

constexpr size_t kMaxBinary = 168;  // kubo's: four varints of ten bytes and a digest of 128.
constexpr size_t kMaxText = 512;
constexpr size_t kV0Binary = 34;
constexpr size_t kV0Text = 46;

bool StartsAsV0(ByteView binary) {
  return binary.size() >= 2 && binary[0] == 0x12 && binary[1] == 0x20;
}

absl::Status Named(std::string_view text, const absl::Status& cause) {
  return WithContext(cause, absl::StrCat("cid \"", av(text.substr(0, 80)), "\""));
}

}  // namespace

absl::StatusOr<Cid> Cid::V0(Multihash hash) {
  if (!StartsAsV0(hash.binary())) {
    return absl::InvalidArgumentError("a version 0 cid needs a sha2-256 hash of 32 bytes");
  }
  Cid cid(Codec::kDagPb, std::move(hash));
  cid.version_ = 0;
  return cid;
}

absl::StatusOr<Cid> Cid::FromString(std::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("cid is empty");
  if (text.size() > kMaxText) return absl::InvalidArgumentError("cid is too long");
  if (text.size() == kV0Text && text.starts_with("Qm")) {
    absl::StatusOr<std::string> binary = DecodeBase58(text);
    if (!binary.ok()) return Named(text, binary.status());
    if (binary->size() != kV0Binary || !StartsAsV0(AsBytes(*binary))) {
      return Named(text, absl::InvalidArgumentError("not a sha2-256 hash"));
    }
    return FromBinary(AsBytes(*binary));
  }
  absl::StatusOr<std::string> binary = DecodeMultibase(text);
  if (!binary.ok()) return Named(text, binary.status());
  absl::StatusOr<Cid> cid = FromBinary(AsBytes(*binary));
  if (!cid.ok()) return Named(text, cid.status());
  if (cid->version() == 0) {
    return Named(text, absl::InvalidArgumentError("version 0 takes no multibase prefix"));
  }
  return cid;
}

absl::StatusOr<Cid> Cid::FromBinary(ByteView binary) {
  if (binary.size() > kMaxBinary) return absl::InvalidArgumentError("cid is over 168 bytes");
  absl::StatusOr<Cid> cid = Take(binary);
  if (cid.ok() && !binary.empty()) {
    return absl::InvalidArgumentError("cid is followed by more bytes");
  }
  return cid;
}

absl::StatusOr<Cid> Cid::Take(ByteView& in) {
  ByteView rest = in;
  if (StartsAsV0(rest)) {
    L2P_ASSIGN_OR_RETURN(Multihash hash, Multihash::Take(rest));
    in = rest;
    return V0(std::move(hash));
  }
  std::optional<uint64_t> version = TakeVarint(rest);
  if (!version) return absl::InvalidArgumentError("cid has a bad version");
  if (*version != 1) {
    return absl::InvalidArgumentError(absl::StrCat("cid has unknown version ", *version));
  }
  std::optional<uint64_t> codec = TakeVarint(rest);
  if (!codec) return absl::InvalidArgumentError("cid has a bad codec");
  L2P_ASSIGN_OR_RETURN(Multihash hash, Multihash::Take(rest));
  in = rest;
  return Cid(static_cast<Codec>(*codec), std::move(hash));
}

std::string Cid::ToBinary() const {
  if (version_ == 0) return hash_.bytes();
  std::string binary;
  binary.reserve(4 + hash_.bytes().size());
  AppendVarint(1, binary);
  AppendVarint(static_cast<uint64_t>(codec_), binary);
  binary += hash_.bytes();
  return binary;
}

std::string Cid::ToString() const {
  if (empty()) return "";
  if (version_ == 0) return EncodeBase58(hash_.binary());
  return EncodeMultibase('b', AsBytes(ToBinary()));
}

}  // namespace l2p
