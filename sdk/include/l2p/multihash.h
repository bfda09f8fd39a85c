#ifndef L2P_MULTIHASH_H_
#define L2P_MULTIHASH_H_

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

#include "l2p/bytes.h"
#include "l2p/status.h"

namespace l2p {

// Codes of https://github.com/multiformats/multicodec that l2p knows by name.
enum class HashCode : uint64_t {
  kIdentity = 0x00,
  kSha1 = 0x11,
  kSha2_256 = 0x12,
  kSha2_512 = 0x13,
  kSha3_256 = 0x16,
  kBlake3 = 0x1e,
  kBlake2b256 = 0xb220,
};

// A Multihash names bytes by their hash: varint(code) varint(length) digest. It is the key of every
// block and provider record. A value: cheap to move, comparable, hashable; any thread.
//
// Limits (kubo's): a digest is 20 to 128 bytes, of the functions named above exactly as long as the
// function makes it; an identity digest is 0 to 128.
class L2P_SDK_API Multihash {
 public:
  Multihash() = default;  // Empty: no hash; only for containers.

  // InvalidArgument when `digest` breaks the limits for `code`.
  static absl::StatusOr<Multihash> FromDigest(HashCode code, ByteView digest);

  // Parses exactly all of `binary`.
  static absl::StatusOr<Multihash> FromBinary(ByteView binary);

  // Parses a multihash from the front of `in` and advances `in` past it.
  static absl::StatusOr<Multihash> Take(ByteView& in);

  bool empty() const { return binary_.empty(); }
  HashCode code() const;
  ByteView digest() const;
  ByteView binary() const { return AsBytes(binary_); }
  const std::string& bytes() const { return binary_; }  // The same, as a key for maps and State.

  // Lower-case base32 with multibase prefix, for logs.
  std::string ToString() const;

  friend bool operator==(const Multihash&, const Multihash&) = default;
  friend std::strong_ordering operator<=>(const Multihash& a, const Multihash& b) {
    return a.binary_.compare(b.binary_) <=> 0;
  }
  template <typename H>
  friend H AbslHashValue(H h, const Multihash& id) {
    return H::combine(std::move(h), id.binary_);
  }

 private:
  explicit Multihash(std::string binary) : binary_(std::move(binary)) {}
  std::string binary_;
};

}  // namespace l2p

#endif  // L2P_MULTIHASH_H_
