// PublicKey and PrivateKey are protobuf messages { Type 1 varint, Data 2 bytes }:
//
//   Ed25519 public    08 01 12 20 <public 32>
//   Ed25519 private   08 01 12 40 <seed 32> <public 32>
//   RSA, ECDSA        08 00 | 08 03, 12 <length> <SubjectPublicKeyInfo DER>
//   secp256k1         08 02 12 21 <compressed point 33>
//
// Signatures: Ed25519 over the message itself; RSA PKCS#1 v1.5 and ECDSA (DER) over its SHA-256.
#include "boringssl_crypto.h"

#include <openssl/bytestring.h>
#include <openssl/curve25519.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/is_boringssl.h>
#include <openssl/mem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <optional>

#include "absl/strings/str_cat.h"
#include "l2p/protobuf_wire.h"

#ifndef OPENSSL_IS_BORINGSSL
#error "these are not BoringSSL's headers"
#endif

namespace l2p {
namespace {

enum KeyType : uint64_t { kRsa = 0, kEd25519 = 1, kSecp256k1 = 2, kEcdsa = 3 };

constexpr size_t kSeedBytes = 32;
constexpr size_t kEd25519PublicBytes = ED25519_PUBLIC_KEY_LEN;
constexpr size_t kEd25519PrivateBytes = ED25519_PRIVATE_KEY_LEN;
constexpr unsigned kMinRsaBits = 2048;
constexpr unsigned kMaxRsaBits = 8192;  // A larger one costs the verifier too much.

std::string KeyMessage(KeyType type, ByteView data) {
  std::string message;
  AppendWireVarint(1, type, message);
  AppendWireBytes(2, AsText(data), message);
  return message;
}

struct Key {
  uint64_t type = 0;
  ByteView data;
};

std::optional<Key> ParseKeyMessage(ByteView message) {
  Key key;
  bool has_type = false;
  bool has_data = false;
  while (!message.empty()) {
    const std::optional<WireField> field = TakeWireField(message);
    if (!field.has_value()) return std::nullopt;
    if (field->Is(1, WireType::kVarint)) {
      key.type = field->value;
      has_type = true;
    } else if (field->Is(2, WireType::kBytes)) {
      key.data = field->bytes;
      has_data = true;
    }
  }
  if (!has_type || !has_data) return std::nullopt;
  return key;
}

absl::Status Unreadable(std::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("public key: ", av(what)));
}

absl::Status SignatureIsWrong() {
  return absl::DataLossError("signature: not made by the owner of this key");
}

absl::Status VerifyEd25519(ByteView key, ByteView message, ByteView signature) {
  if (key.size() != kEd25519PublicBytes) return Unreadable("an Ed25519 key has 32 bytes");
  if (signature.size() != ED25519_SIGNATURE_LEN ||
      !ED25519_verify(message.data(), message.size(), signature.data(), key.data())) {
    return SignatureIsWrong();
  }
  return absl::OkStatus();
}

absl::Status CheckStrength(const EVP_PKEY* key) {
  if (EVP_PKEY_id(key) == EVP_PKEY_RSA) {
    const unsigned bits = RSA_bits(EVP_PKEY_get0_RSA(key));
    if (bits < kMinRsaBits || bits > kMaxRsaBits) {
      return Unreadable(absl::StrCat("an RSA key of ", bits, " bits is not accepted"));
    }
    return absl::OkStatus();
  }
  const int curve = EC_GROUP_get_curve_name(EC_KEY_get0_group(EVP_PKEY_get0_EC_KEY(key)));
  if (curve == NID_secp224r1) return Unreadable("the curve P-224 is not accepted");
  return absl::OkStatus();
}

absl::Status VerifySpki(int wanted_id, ByteView spki, ByteView message, ByteView signature) {
  CBS in;
  CBS_init(&in, spki.data(), spki.size());
  const bssl::UniquePtr<EVP_PKEY> key(EVP_parse_public_key(&in));
  if (key == nullptr || CBS_len(&in) != 0) return Unreadable("not a SubjectPublicKeyInfo");
  if (EVP_PKEY_id(key.get()) != wanted_id) return Unreadable("not of the type it says");
  L2P_RETURN_IF_ERROR(CheckStrength(key.get()));
  bssl::ScopedEVP_MD_CTX context;
  if (!EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get())) {
    return absl::InternalError("verify: BoringSSL could not start");
  }
  if (!EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                        message.size())) {
    return SignatureIsWrong();
  }
  return absl::OkStatus();
}

class Ed25519Identity : public Identity {
 public:
  explicit Ed25519Identity(const std::array<uint8_t, kEd25519PrivateBytes>& key) : key_(key) {
    public_key_ = KeyMessage(kEd25519, ByteView(key_).subspan(kSeedBytes));
    peer_ = *PeerId::OfPublicKey(AsBytes(public_key_));
  }
  ~Ed25519Identity() override { OPENSSL_cleanse(key_.data(), key_.size()); }

  const PeerId& peer() const override { return peer_; }
  ByteView public_key() const override { return AsBytes(public_key_); }

  absl::StatusOr<std::string> Sign(ByteView message) const override {
    std::string signature(ED25519_SIGNATURE_LEN, '\0');
    if (!ED25519_sign(reinterpret_cast<uint8_t*>(signature.data()), message.data(), message.size(),
                      key_.data())) {
      return absl::InternalError("sign: BoringSSL could not sign");
    }
    return signature;
  }

 private:
  std::array<uint8_t, kEd25519PrivateBytes> key_;
  std::string public_key_;
  PeerId peer_;
};

}  // namespace

Sha256Digest BoringsslCrypto::Sha256(std::span<const ByteView> parts) const {
  SHA256_CTX context;
  SHA256_Init(&context);
  for (const ByteView part : parts) SHA256_Update(&context, part.data(), part.size());
  Sha256Digest digest;
  SHA256_Final(digest.data(), &context);
  return digest;
}

void BoringsslCrypto::Random(MutableByteView out) const { RAND_bytes(out.data(), out.size()); }

absl::StatusOr<std::string> BoringsslCrypto::NewPrivateKey(ByteView seed) const {
  if (seed.size() != kSeedBytes) return absl::InvalidArgumentError("seed: must have 32 bytes");
  std::array<uint8_t, kEd25519PublicBytes> public_half;
  std::array<uint8_t, kEd25519PrivateBytes> key;
  ED25519_keypair_from_seed(public_half.data(), key.data(), seed.data());
  std::string message = KeyMessage(kEd25519, key);
  OPENSSL_cleanse(key.data(), key.size());
  return message;
}

absl::StatusOr<std::unique_ptr<Identity>> BoringsslCrypto::OpenIdentity(
    ByteView private_key) const {
  const std::optional<Key> parsed = ParseKeyMessage(private_key);
  if (!parsed.has_value()) return absl::InvalidArgumentError("private key: cannot be read");
  if (parsed->type != kEd25519 || parsed->data.size() != kEd25519PrivateBytes) {
    return absl::InvalidArgumentError("private key: only Ed25519 keys of 64 bytes are known");
  }
  std::array<uint8_t, kEd25519PublicBytes> public_half;
  std::array<uint8_t, kEd25519PrivateBytes> key;
  ED25519_keypair_from_seed(public_half.data(), key.data(), parsed->data.data());
  if (!Equal(public_half, parsed->data.subspan(kSeedBytes))) {
    return absl::InvalidArgumentError("private key: its public half belongs to another key");
  }
  auto identity = std::make_unique<Ed25519Identity>(key);
  OPENSSL_cleanse(key.data(), key.size());
  return identity;
}

absl::Status BoringsslCrypto::Verify(ByteView public_key, ByteView message,
                                     ByteView signature) const {
  const std::optional<Key> key = ParseKeyMessage(public_key);
  if (!key.has_value()) return Unreadable("not a PublicKey message");
  switch (key->type) {
    case kEd25519:
      return VerifyEd25519(key->data, message, signature);
    case kRsa:
      return VerifySpki(EVP_PKEY_RSA, key->data, message, signature);
    case kEcdsa:
      return VerifySpki(EVP_PKEY_EC, key->data, message, signature);
    case kSecp256k1:
      return absl::UnimplementedError("public key: secp256k1 keys are not supported");
    default:
      return Unreadable(absl::StrCat("unknown type ", key->type));
  }
}

absl::StatusOr<std::unique_ptr<Crypto>> OpenBoringsslCrypto(Host&, const Settings&) {
  return std::make_unique<BoringsslCrypto>();
}

}  // namespace l2p
