#ifndef L2P_PEER_ID_H_
#define L2P_PEER_ID_H_

#include <compare>
#include <string>
#include <string_view>

#include "l2p/bytes.h"
#include "l2p/multihash.h"
#include "l2p/status.h"

namespace l2p {

// A PeerId names a peer: the multihash of its public key message, identity-coded for keys of at
// most 42 bytes (Ed25519: 12D3KooW...), sha2-256 for longer ones (RSA, ECDSA: Qm...).
// A value: comparable, hashable; any thread.
class L2P_SDK_API PeerId {
 public:
  PeerId() = default;  // Empty; only for containers.

  // Text: base58btc without prefix, or a CIDv1 of codec 0x72 in any multibase that Cid reads.
  static absl::StatusOr<PeerId> FromString(std::string_view text);

  // Exactly all of `multihash`: identity or sha2-256.
  static absl::StatusOr<PeerId> FromBinary(ByteView multihash);

  // The id of the owner of this libp2p PublicKey message when it is at most 42 bytes (Ed25519,
  // secp256k1). InvalidArgument for a longer one: that needs a hash (see OfPublicKeyDigest).
  static absl::StatusOr<PeerId> OfPublicKey(ByteView public_key);

  // The id of the owner of a longer key, given the SHA-256 of its PublicKey message.
  static PeerId OfPublicKeyDigest(ByteView sha256_digest);

  bool empty() const { return hash_.empty(); }
  ByteView binary() const { return hash_.binary(); }
  const std::string& bytes() const { return hash_.bytes(); }  // As a key for maps and State.
  std::string ToString() const;                               // base58btc

  friend bool operator==(const PeerId&, const PeerId&) = default;
  friend std::strong_ordering operator<=>(const PeerId&, const PeerId&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const PeerId& id) {
    return H::combine(std::move(h), id.hash_);
  }

 private:
  explicit PeerId(Multihash hash) : hash_(std::move(hash)) {}
  Multihash hash_;
};

}  // namespace l2p

#endif  // L2P_PEER_ID_H_
