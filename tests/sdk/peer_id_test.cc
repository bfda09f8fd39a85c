#include "l2p/peer_id.h"

#include <gtest/gtest.h>

#include "format_bytes.h"
#include "l2p/multibase.h"

namespace l2p {
namespace {

constexpr std::string_view kZeroPublic =
    "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29";
constexpr std::string_view kZeroPeer = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN";
constexpr std::string_view kZeroCid =
    "bafzaajaiaejcao3ke66m5nvefvrkhkgqfjxq243fgikxohpciotdvqciugfvtwrj";

PeerId OfEd25519(std::string_view public_hex) {
  const std::string key = Unhex("08011220" + std::string(public_hex));
  return PeerId::OfPublicKey(AsBytes(key)).value();
}

TEST(PeerId, NamesEd25519Keys) {
  EXPECT_EQ(OfEd25519(kZeroPublic).ToString(), kZeroPeer);
  EXPECT_EQ(ToHex(OfEd25519(kZeroPublic).binary()), "002408011220" + std::string(kZeroPublic));
  EXPECT_EQ(
      OfEd25519("03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8").ToString(),
      "12D3KooWA4Xop1JaT3MHxwYMkCepYsv4iPVopMXwCz5iHYdBfeSB");
}

TEST(PeerId, ReadsEveryTextForm) {
  const PeerId id = OfEd25519(kZeroPublic);
  EXPECT_EQ(PeerId::FromString(kZeroPeer).value(), id);
  EXPECT_EQ(PeerId::FromString(kZeroCid).value(), id);
  const std::string binary = Unhex("0172") + id.bytes();
  EXPECT_EQ(PeerId::FromString(EncodeMultibase('k', AsBytes(binary))).value(), id);
  EXPECT_TRUE(EncodeMultibase('k', AsBytes(binary)).starts_with("k51"));
  EXPECT_EQ(PeerId::FromBinary(id.binary()).value(), id);
}

TEST(PeerId, NamesLongKeysByTheirHash) {
  const std::string key(300, 'r');
  EXPECT_FALSE(PeerId::OfPublicKey(AsBytes(key)).ok());
  PeerId id = PeerId::OfPublicKeyDigest(Sha256Of(key).digest());
  EXPECT_TRUE(id.ToString().starts_with("Qm"));
  EXPECT_EQ(PeerId::FromString(id.ToString()).value(), id);
  EXPECT_EQ(id.bytes(), Sha256Of(key).bytes());
}

TEST(PeerId, TakesKeysOfAtMost42Bytes) {
  EXPECT_TRUE(PeerId::OfPublicKey(AsBytes(std::string(42, 'k'))).ok());
  EXPECT_FALSE(PeerId::OfPublicKey(AsBytes(std::string(43, 'k'))).ok());
  EXPECT_FALSE(PeerId::OfPublicKey({}).ok());
}

TEST(PeerId, RefusesWhatIsNoPeerId) {
  for (const std::string& text :
       {std::string(), std::string("12D3KooW"), std::string(kZeroPeer) + "1",
        std::string(kZeroPeer).substr(1), std::string("1"), std::string("Qm123"),
        std::string("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"),
        "1" + std::string(600, 'z')}) {
    EXPECT_TRUE(absl::IsInvalidArgument(PeerId::FromString(text).status())) << text;
  }
  const std::string sha1 = Unhex("1114" + std::string(40, 'a'));
  EXPECT_FALSE(PeerId::FromBinary(AsBytes(sha1)).ok());
  EXPECT_FALSE(PeerId::FromBinary({}).ok());
}

TEST(PeerId, RefusesEveryTruncation) {
  const PeerId id = OfEd25519(kZeroPublic);
  for (size_t size = 0; size < id.binary().size(); ++size) {
    EXPECT_FALSE(PeerId::FromBinary(id.binary().first(size)).ok()) << size;
  }
}

TEST(PeerId, AcceptedMutationsReadBackEqual) {
  Mutate(std::string(kZeroPeer), 20000, [](const std::string& text) {
    absl::StatusOr<PeerId> id = PeerId::FromString(text);
    return id.ok() && PeerId::FromString(id->ToString()).value() == *id;
  });
}

}  // namespace
}  // namespace l2p
