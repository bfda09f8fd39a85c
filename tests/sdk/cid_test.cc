#include "l2p/cid.h"

#include <gtest/gtest.h>

#include "absl/hash/hash.h"
#include "format_bytes.h"
#include "l2p/multibase.h"

namespace l2p {
namespace {

constexpr std::string_view kHelloDigest =
    "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9";
constexpr std::string_view kHello = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e";
constexpr std::string_view kHelloV0 = "Qmf412jQZiuVUtdgnB36FXFX7xg5V6KEbSJ4dpQuhkLyfD";

std::string Binary(std::string_view text) { return Cid::FromString(text).value().ToBinary(); }

TEST(Cid, ReadsHelloWorldInEveryBase) {
  const std::string binary = Unhex("01551220" + std::string(kHelloDigest));
  for (std::string_view text :
       {kHello, std::string_view("k2cwued9o1pvrt3q271rrqbo49x30tbxwpoeaq75z14e5ui2rzygpbe1"),
        std::string_view("zb2rhj7crUKTQYRGCRATFaQ6YFLTde2YzdqbbhAASkL9uRDXn"),
        std::string_view("mAVUSILlNJ7mTTT4IpS5S19p9q/rEhO/jelOA7pCI96zi783p"),
        std::string_view("uAVUSILlNJ7mTTT4IpS5S19p9q_rEhO_jelOA7pCI96zi783p")}) {
    EXPECT_EQ(Binary(text), binary) << text;
    EXPECT_EQ(EncodeMultibase(text[0], AsBytes(binary)), text);
  }
  EXPECT_EQ(Binary("f01551220" + std::string(kHelloDigest)), binary);
  Cid cid = Cid::FromString(kHello).value();
  EXPECT_EQ(cid, RawCidOf("hello world"));
  EXPECT_EQ(cid.ToString(), kHello);
  EXPECT_EQ(cid.version(), 1);
  EXPECT_EQ(cid.codec(), Codec::kRaw);
}

TEST(Cid, TheDhtKeyOfHelloWorldIsTheHashOfItsMultihash) {
  EXPECT_EQ(ToHex(Sha256Of(Sha256Of("hello world").bytes()).digest()),
            "d323dcae8bb357d0f7c6b6235109503d2ab0ca9dff4d45441b00ef2a722322c6");
}

TEST(Cid, ReadsVersionZeroAndItsVersionOneForm) {
  const std::string block = Unhex("0a110802120b68656c6c6f20776f726c64180b");
  Cid v0 = Cid::FromString(kHelloV0).value();
  EXPECT_EQ(v0.version(), 0);
  EXPECT_EQ(v0.codec(), Codec::kDagPb);
  EXPECT_EQ(v0.hash(), Sha256Of(block));
  EXPECT_EQ(v0.ToString(), kHelloV0);
  EXPECT_EQ(ToHex(AsBytes(v0.ToBinary())),
            "1220f852c7fa62f971817f54d8a80dcd63fcf7098b3cbde9ae8ec1ee449013ec5db0");
  EXPECT_EQ(Cid::FromBinary(AsBytes(v0.ToBinary())).value(), v0);
  Cid v1(Codec::kDagPb, v0.hash());
  EXPECT_EQ(v1.ToString(), "bafybeihykld7uyxzogax6vgyvag42y7464eywpf55gxi5qpoisibh3c5wa");
  EXPECT_NE(v1, v0);
  EXPECT_EQ(Cid::V0(v1.hash()).value(), v0);
}

TEST(Cid, ReadsIdentityIds) {
  Cid hello = Cid::FromString("bafkqac3imvwgy3zao5xxe3de").value();
  EXPECT_EQ(ToHex(AsBytes(hello.ToBinary())), "0155000b68656c6c6f20776f726c64");
  EXPECT_EQ(hello.hash().code(), HashCode::kIdentity);
  EXPECT_EQ(AsText(hello.hash().digest()), "hello world");
  Cid empty = Cid::FromString("bafkqaaa").value();
  EXPECT_EQ(ToHex(AsBytes(empty.ToBinary())), "01550000");
  EXPECT_FALSE(empty.empty());
  EXPECT_TRUE(empty.hash().digest().empty());
}

TEST(Cid, ReadsSha512) {
  constexpr std::string_view kText =
      "bafkrgqbqt3gerhas23vuzrapkdeqf4vu2dwxp3srdj6hvg6nhsug2tgyn6mj3u23yx7utftq3i2ckw2fwdh5qmhid5"
      "qf3t35yvkc5e5ottlw6";
  Cid cid = Cid::FromString(kText).value();
  EXPECT_EQ(cid.hash().code(), HashCode::kSha2_512);
  EXPECT_EQ(cid.hash().digest().size(), 64u);
  EXPECT_TRUE(ToHex(AsBytes(cid.ToBinary())).starts_with("01551340309ecc48"));
  EXPECT_EQ(cid.ToString(), kText);
}

TEST(Cid, NamesTheEmptyBlock) {
  EXPECT_EQ(RawCidOf("").ToString(), "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku");
}

TEST(Cid, RefusesBadText) {
  const std::string good(kHello);
  const std::string v2 = "f02551220" + std::string(kHelloDigest);
  for (const std::string& text : {std::string("bafybadcid"),
                                  std::string("Qm123"),
                                  std::string("zzzz"),
                                  std::string(),
                                  good + "a",
                                  good.substr(0, good.size() - 1),
                                  good.substr(0, good.size() - 2),
                                  good.substr(0, good.size() - 1) + "1",
                                  good + " ",
                                  " " + good,
                                  v2,
                                  "f00551220" + std::string(kHelloDigest),
                                  "f03551220" + std::string(kHelloDigest),
                                  "z" + std::string(kHelloV0),
                                  "f1220" + std::string(kHelloDigest),
                                  "Qm" + std::string(44, 'z'),
                                  "Qm" + std::string(44, '1'),
                                  std::string(kHelloV0).substr(0, 45),
                                  std::string(kHelloV0) + "1",
                                  std::string(kHelloV0).substr(0, 45) + "0",
                                  "f" + std::string(600, '0'),
                                  "f0155122000" + std::string(kHelloDigest),
                                  "f01551221" + std::string(kHelloDigest) + "00",
                                  "f0155121f" + std::string(kHelloDigest).substr(2),
                                  std::string("\0", 1)}) {
    absl::StatusOr<Cid> cid = Cid::FromString(text);
    EXPECT_TRUE(absl::IsInvalidArgument(cid.status())) << text;
  }
}

TEST(Cid, NamesTheTextInItsError) {
  EXPECT_EQ(Cid::FromString("zzzz").status().message().substr(0, 10), "cid \"zzzz\"");
}

TEST(Cid, RefusesEveryTruncationAndTrailingByte) {
  for (std::string_view text : {kHello, kHelloV0, std::string_view("bafkqac3imvwgy3zao5xxe3de")}) {
    const std::string binary = Binary(text);
    for (size_t size = 0; size < binary.size(); ++size) {
      EXPECT_FALSE(Cid::FromBinary(AsBytes(binary).first(size)).ok()) << text << " " << size;
    }
    EXPECT_FALSE(Cid::FromBinary(AsBytes(binary + '\0')).ok());
  }
}

TEST(Cid, TakeLeavesWhatFollows) {
  const std::string binary = Binary(kHelloV0) + Binary(kHello) + "tail";
  ByteView in = AsBytes(binary);
  EXPECT_EQ(Cid::Take(in).value().ToString(), kHelloV0);
  EXPECT_EQ(Cid::Take(in).value().ToString(), kHello);
  EXPECT_FALSE(Cid::Take(in).ok());
  EXPECT_EQ(AsText(in), "tail");
}

TEST(Cid, VersionZeroNeedsSha256) {
  EXPECT_FALSE(Cid::V0(Multihash()).ok());
  EXPECT_FALSE(
      Cid::V0(*Multihash::FromDigest(HashCode::kBlake3, AsBytes(std::string(32, 'x')))).ok());
}

TEST(Cid, AcceptedMutationsReadBackEqual) {
  for (std::string_view text : {kHello, kHelloV0, std::string_view("bafkqac3imvwgy3zao5xxe3de")}) {
    Mutate(Binary(text), 20000, [](const std::string& bytes) {
      absl::StatusOr<Cid> cid = Cid::FromBinary(AsBytes(bytes));
      if (!cid.ok()) return false;
      EXPECT_EQ(cid->ToBinary(), bytes);
      EXPECT_EQ(Cid::FromString(cid->ToString()).value(), *cid);
      return true;
    });
    Mutate(std::string(text), 20000, [](const std::string& bytes) {
      absl::StatusOr<Cid> cid = Cid::FromString(bytes);
      return cid.ok() && Cid::FromString(cid->ToString()).value() == *cid;
    });
  }
}

TEST(Cid, OrdersAndHashesByValue) {
  Cid a = RawCidOf("a");
  Cid b = RawCidOf("b");
  EXPECT_EQ(a < b, a.ToBinary() < b.ToBinary());
  EXPECT_EQ(absl::HashOf(a), absl::HashOf(RawCidOf("a")));
  EXPECT_LT(Cid::FromString(kHelloV0).value(), a);
}

TEST(Multihash, EnforcesTheSizeOfItsFunction) {
  auto make = [](uint64_t code, size_t size) {
    return Multihash::FromDigest(static_cast<HashCode>(code), AsBytes(std::string(size, 'x'))).ok();
  };
  for (uint64_t code : {0x12, 0x16, 0x1e, 0xb220}) {
    EXPECT_TRUE(make(code, 32)) << code;
    EXPECT_FALSE(make(code, 31)) << code;
    EXPECT_FALSE(make(code, 33)) << code;
  }
  EXPECT_TRUE(make(0x11, 20));
  EXPECT_FALSE(make(0x11, 19));
  EXPECT_TRUE(make(0x13, 64));
  EXPECT_FALSE(make(0x22, 8));  // murmur3 never names a block.
  EXPECT_TRUE(make(0x00, 0));
  EXPECT_TRUE(make(0x00, 128));
  EXPECT_FALSE(make(0x00, 129));
  EXPECT_FALSE(make(0xb219, 19));  // One that l2p does not know.
  EXPECT_TRUE(make(0xb219, 128));
  EXPECT_FALSE(make(0xb219, 129));
}

TEST(Multihash, ShowsItsParts) {
  const std::string binary = Unhex("a0e40220" + std::string(kHelloDigest));
  Multihash hash = Multihash::FromBinary(AsBytes(binary)).value();
  EXPECT_EQ(hash.code(), HashCode::kBlake2b256);
  EXPECT_EQ(ToHex(hash.digest()), kHelloDigest);
  EXPECT_EQ(hash.bytes(), binary);
  EXPECT_EQ(DecodeMultibase(hash.ToString()).value(), binary);
  EXPECT_FALSE(Multihash::FromBinary(AsBytes(binary + "x")).ok());
  EXPECT_TRUE(Multihash().digest().empty());
}

}  // namespace
}  // namespace l2p
