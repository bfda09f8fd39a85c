#ifndef L2P_CID_H_
#define L2P_CID_H_

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "l2p/multihash.h"

namespace l2p {

enum class Codec : uint64_t {
  kRaw = 0x55,
  kDagPb = 0x70,
  kDagCbor = 0x71,
  kLibp2pKey = 0x72,
};

// A Cid is a Multihash plus how to read the bytes it names (https://github.com/multiformats/cid).
// A value: comparable, hashable; any thread. Storage is keyed by multihash() alone; the version and
// the codec matter only to readers and to peers that repeat them.
class L2P_SDK_API Cid {
 public:
  Cid() = default;  // Empty; only for containers.
  Cid(Codec codec, Multihash hash) : version_(1), codec_(codec), hash_(std::move(hash)) {}

  // InvalidArgument unless `hash` is a 32-byte sha2-256.
  static absl::StatusOr<Cid> V0(Multihash hash);

  // Text: `Qm...` (v0), or multibase b, B, z, k, K, f, F, m, M, u, U of a v1. Refused: other
  // alphabets, truncated or lengthened text, trailing bytes, other versions.
  static absl::StatusOr<Cid> FromString(std::string_view text);

  // Parses exactly all of `binary` (at most 168 bytes).
  static absl::StatusOr<Cid> FromBinary(ByteView binary);

  // Parses a CID from the front of `in` and advances `in` past it.
  static absl::StatusOr<Cid> Take(ByteView& in);

  bool empty() const { return hash_.empty(); }
  int version() const { return version_; }
  Codec codec() const { return codec_; }
  const Multihash& hash() const { return hash_; }

  std::string ToBinary() const;
  std::string ToString() const;  // base32 for v1, base58btc for v0.

  friend bool operator==(const Cid&, const Cid&) = default;
  friend std::strong_ordering operator<=>(const Cid&, const Cid&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const Cid& cid) {
    return H::combine(std::move(h), cid.version_, static_cast<uint64_t>(cid.codec_), cid.hash_);
  }

 private:
  int version_ = 1;
  Codec codec_ = Codec::kRaw;
  Multihash hash_;
};

}  // namespace l2p

#endif  // L2P_CID_H_
