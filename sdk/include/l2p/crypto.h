#ifndef L2P_CRYPTO_H_
#define L2P_CRYPTO_H_

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "l2p/bytes.h"
#include "l2p/peer_id.h"
#include "l2p/status.h"

namespace l2p {

using Sha256Digest = std::array<uint8_t, 32>;

// An Identity is a node's key pair; the private half never leaves the crypto module. [any thread]
class L2P_SDK_API Identity {
 public:
  virtual ~Identity();

  virtual const PeerId& peer() const = 0;

  // The libp2p PublicKey message (08 01 12 20 <32 bytes> for Ed25519).
  virtual ByteView public_key() const = 0;

  // The 64-byte Ed25519 signature of `message`.
  virtual absl::StatusOr<std::string> Sign(ByteView message) const = 0;
};

// Crypto is the internal kind that holds all cryptography the kernel and plugins share. It is
// loaded first and never swapped. [any thread]; no call waits.
class L2P_SDK_API Crypto {
 public:
  static constexpr char kKind[] = "crypto";
  virtual ~Crypto();

  // SHA-256 of the parts, one after another.
  virtual Sha256Digest Sha256(std::span<const ByteView> parts) const = 0;

  // Fills `out` from the system's generator.
  virtual void Random(MutableByteView out) const = 0;

  // The libp2p PrivateKey message (08 01 12 40 <seed> <public>) of the Ed25519 key with this seed.
  // REQUIRES: seed.size() == 32.
  virtual absl::StatusOr<std::string> NewPrivateKey(ByteView seed) const = 0;

  // InvalidArgument unless `private_key` is such a message and its halves belong together.
  virtual absl::StatusOr<std::unique_ptr<Identity>> OpenIdentity(ByteView private_key) const = 0;

  // OK if `signature` of `message` was made by the owner of `public_key` (a libp2p PublicKey
  // message: Ed25519, RSA or ECDSA). DataLoss if it was not; InvalidArgument if the key cannot be
  // read; Unimplemented for secp256k1.
  virtual absl::Status Verify(ByteView public_key, ByteView message, ByteView signature) const = 0;
};

}  // namespace l2p

#endif  // L2P_CRYPTO_H_
