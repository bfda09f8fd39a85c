#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/bytestring.h>
#include <openssl/ec_key.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/nid.h>
#include <openssl/rsa.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "boringssl_crypto.h"
#include "l2p/protobuf_wire.h"

namespace l2p {
namespace {

std::string ZeroSeed() { return std::string(32, '\0'); }

std::string CountingSeed() {
  std::string seed(32, '\0');
  std::iota(seed.begin(), seed.end(), 0);
  return seed;
}

std::unique_ptr<Identity> IdentityOf(const std::string& seed) {
  const BoringsslCrypto crypto;
  return *crypto.OpenIdentity(AsBytes(*crypto.NewPrivateKey(AsBytes(seed))));
}

// A key of another peer: its PublicKey message, and a signature by it.
struct ForeignKey {
  bssl::UniquePtr<EVP_PKEY> key;
  std::string message;

  std::string Sign(std::string_view text) const {
    bssl::ScopedEVP_MD_CTX context;
    std::string signature(EVP_PKEY_size(key.get()), '\0');
    size_t size = signature.size();
    EXPECT_TRUE(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()));
    EXPECT_TRUE(EVP_DigestSign(context.get(), reinterpret_cast<uint8_t*>(signature.data()), &size,
                               AsBytes(text).data(), text.size()));
    signature.resize(size);
    return signature;
  }
};

std::string PublicKeyMessage(uint64_t type, const EVP_PKEY* key) {
  bssl::ScopedCBB out;
  uint8_t* der = nullptr;
  size_t size = 0;
  EXPECT_TRUE(CBB_init(out.get(), 256) && EVP_marshal_public_key(out.get(), key) &&
              CBB_finish(out.get(), &der, &size));
  const bssl::UniquePtr<uint8_t> owner(der);
  std::string message;
  AppendWireVarint(1, type, message);
  AppendWireBytes(2, AsText({der, size}), message);
  return message;
}

ForeignKey MakeEc(int curve) {
  bssl::UniquePtr<EC_KEY> ec(EC_KEY_new_by_curve_name(curve));
  EXPECT_TRUE(EC_KEY_generate_key(ec.get()));
  ForeignKey made{bssl::UniquePtr<EVP_PKEY>(EVP_PKEY_new()), ""};
  EXPECT_TRUE(EVP_PKEY_set1_EC_KEY(made.key.get(), ec.get()));
  made.message = PublicKeyMessage(3, made.key.get());
  return made;
}

ForeignKey MakeRsa(int bits) {
  bssl::UniquePtr<RSA> rsa(RSA_new());
  bssl::UniquePtr<BIGNUM> exponent(BN_new());
  EXPECT_TRUE(BN_set_word(exponent.get(), RSA_F4));
  EXPECT_TRUE(RSA_generate_key_ex(rsa.get(), bits, exponent.get(), nullptr));
  ForeignKey made{bssl::UniquePtr<EVP_PKEY>(EVP_PKEY_new()), ""};
  EXPECT_TRUE(EVP_PKEY_set1_RSA(made.key.get(), rsa.get()));
  made.message = PublicKeyMessage(0, made.key.get());
  return made;
}

absl::StatusCode VerifyCode(std::string_view key, std::string_view text, std::string_view mark) {
  return BoringsslCrypto().Verify(AsBytes(key), AsBytes(text), AsBytes(mark)).code();
}

TEST(BoringsslCrypto, HashesPartsAsOneMessage) {
  const std::array<ByteView, 3> parts = {AsBytes("a"), AsBytes(""), AsBytes("bc")};
  EXPECT_EQ(ToHex(BoringsslCrypto().Sha256(parts)),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(ToHex(BoringsslCrypto().Sha256({})),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(BoringsslCrypto, RandomFillsWithDifferentBytesEachTime) {
  std::array<uint8_t, 32> first{};
  std::array<uint8_t, 32> second{};
  BoringsslCrypto().Random(first);
  BoringsslCrypto().Random(second);
  EXPECT_NE(first, second);
}

TEST(BoringsslCrypto, SeedsGiveTheKeysAndPeersOfTheSpecification) {
  const auto zero = IdentityOf(ZeroSeed());
  EXPECT_EQ(ToHex(zero->public_key()),
            "080112203b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29");
  EXPECT_EQ(zero->peer().ToString(), "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN");
  const auto counting = IdentityOf(CountingSeed());
  EXPECT_EQ(ToHex(counting->public_key()),
            "0801122003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8");
  EXPECT_EQ(counting->peer().ToString(), "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB");
}

TEST(BoringsslCrypto, PrivateKeyMessageIsSeedThenPublicHalf) {
  const std::string key = *BoringsslCrypto().NewPrivateKey(AsBytes(CountingSeed()));
  EXPECT_EQ(ToHex(AsBytes(key)),
            "08011240"
            "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
            "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8");
}

TEST(BoringsslCrypto, SeedOfAnotherLengthIsRefused) {
  EXPECT_EQ(BoringsslCrypto().NewPrivateKey(AsBytes("short")).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(BoringsslCrypto, PrivateKeyWithAForeignPublicHalfIsRefused) {
  const BoringsslCrypto crypto;
  std::string key = *crypto.NewPrivateKey(AsBytes(ZeroSeed()));
  key.back() ^= 1;
  EXPECT_EQ(crypto.OpenIdentity(AsBytes(key)).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(BoringsslCrypto, PrivateKeyThatIsNoMessageIsRefused) {
  const BoringsslCrypto crypto;
  const std::string key = *crypto.NewPrivateKey(AsBytes(ZeroSeed()));
  for (size_t size = 0; size < key.size(); ++size) {
    EXPECT_EQ(crypto.OpenIdentity(AsBytes(key).first(size)).status().code(),
              absl::StatusCode::kInvalidArgument)
        << size;
  }
}

TEST(BoringsslCrypto, OwnSignatureVerifies) {
  const auto identity = IdentityOf(ZeroSeed());
  const std::string signature = *identity->Sign(AsBytes("a message"));
  EXPECT_EQ(signature.size(), 64u);
  const std::string key(AsText(identity->public_key()));
  EXPECT_EQ(VerifyCode(key, "a message", signature), absl::StatusCode::kOk);
}

TEST(BoringsslCrypto, ChangedMessageSignatureOrKeyIsDataLoss) {
  const auto identity = IdentityOf(ZeroSeed());
  const std::string key(AsText(identity->public_key()));
  const std::string other(AsText(IdentityOf(CountingSeed())->public_key()));
  std::string signature = *identity->Sign(AsBytes("a message"));
  EXPECT_EQ(VerifyCode(key, "b message", signature), absl::StatusCode::kDataLoss);
  EXPECT_EQ(VerifyCode(other, "a message", signature), absl::StatusCode::kDataLoss);
  EXPECT_EQ(VerifyCode(key, "a message", signature.substr(1)), absl::StatusCode::kDataLoss);
  signature[5] ^= 1;
  EXPECT_EQ(VerifyCode(key, "a message", signature), absl::StatusCode::kDataLoss);
}

TEST(BoringsslCrypto, SignsTheEnvelopeOfTheSpecification) {
  const std::string payload_hex =
      "0a260024080112203b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da2910011a0a0a08"
      "047f000001060fa1";
  std::string payload;
  ASSERT_TRUE(FromHex(payload_hex, payload));
  std::string signed_text = "\x12libp2p-peer-record\x02\x03\x01";
  signed_text += static_cast<char>(payload.size());
  signed_text += payload;
  EXPECT_EQ(
      ToHex(AsBytes(*IdentityOf(ZeroSeed())->Sign(AsBytes(signed_text)))),
      "9544590e46d8fd59c7fd95320ffbb6df874185f11a265660b337193d429136bcdcde5a83c63c74244db432a9"
      "0968bd43b10d2e34049caa8b89aaa348fb456208");
}

TEST(BoringsslCrypto, VerifiesRsaKeys) {
  const ForeignKey key = MakeRsa(2048);
  const std::string signature = key.Sign("text");
  EXPECT_EQ(VerifyCode(key.message, "text", signature), absl::StatusCode::kOk);
  EXPECT_EQ(VerifyCode(key.message, "test", signature), absl::StatusCode::kDataLoss);
}

TEST(BoringsslCrypto, VerifiesEcdsaKeys) {
  const ForeignKey key = MakeEc(NID_X9_62_prime256v1);
  const std::string signature = key.Sign("text");
  EXPECT_EQ(VerifyCode(key.message, "text", signature), absl::StatusCode::kOk);
  EXPECT_EQ(VerifyCode(key.message, "test", signature), absl::StatusCode::kDataLoss);
}

TEST(BoringsslCrypto, WeakKeysAreRefused) {
  const ForeignKey rsa = MakeRsa(1024);
  EXPECT_EQ(VerifyCode(rsa.message, "text", rsa.Sign("text")), absl::StatusCode::kInvalidArgument);
  const ForeignKey ec = MakeEc(NID_secp224r1);
  EXPECT_EQ(VerifyCode(ec.message, "text", ec.Sign("text")), absl::StatusCode::kInvalidArgument);
}

TEST(BoringsslCrypto, KeyOfAnotherTypeThanItSaysIsRefused) {
  ForeignKey key = MakeEc(NID_X9_62_prime256v1);
  const std::string signature = key.Sign("text");
  key.message = PublicKeyMessage(0, key.key.get());
  EXPECT_EQ(VerifyCode(key.message, "text", signature), absl::StatusCode::kInvalidArgument);
}

TEST(BoringsslCrypto, Secp256k1IsUnimplemented) {
  std::string message;
  AppendWireVarint(1, 2, message);
  AppendWireBytes(2, std::string(33, '\2'), message);
  EXPECT_EQ(VerifyCode(message, "text", "mark"), absl::StatusCode::kUnimplemented);
}

TEST(BoringsslCrypto, GarbledPublicKeysAreInvalid) {
  EXPECT_EQ(VerifyCode("", "text", "mark"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(VerifyCode("\x08", "text", "mark"), absl::StatusCode::kInvalidArgument);
  const std::string key = MakeEc(NID_X9_62_prime256v1).message;
  EXPECT_EQ(VerifyCode(key.substr(0, key.size() - 1), "text", "mark"),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(VerifyCode("\x08\x09\x12\x01x", "text", "mark"), absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace l2p
