#include "l2p/multibase.h"

#include <gtest/gtest.h>

#include "format_bytes.h"

namespace l2p {
namespace {

constexpr std::string_view kPrefixes = "bBzkKfFmMuU";

TEST(Multibase, RoundTripsEveryLengthInEveryBase) {
  std::mt19937 random(7);
  for (size_t size = 0; size < 80; ++size) {
    std::string bytes(size, '\0');
    for (size_t i = size / 4; i < size; ++i) bytes[i] = static_cast<char>(random());
    for (char prefix : kPrefixes) {
      const std::string text = EncodeMultibase(prefix, AsBytes(bytes));
      EXPECT_EQ(text[0], prefix);
      auto decoded = DecodeMultibase(text);
      ASSERT_TRUE(decoded.ok()) << text << decoded.status();
      EXPECT_EQ(ToHex(AsBytes(*decoded)), ToHex(AsBytes(bytes))) << text;
    }
  }
}

// The examples of the multibase specification's test files ("yes mani !").
TEST(Multibase, HasTheKnownForms) {
  const std::pair<char, std::string_view> kForms[] = {
      {'f', "f796573206d616e692021"}, {'F', "F796573206D616E692021"}, {'b', "bpfsxgidnmfxgsibb"},
      {'B', "BPFSXGIDNMFXGSIBB"},     {'z', "z7paNL19xttacUY"},       {'k', "k2lcpzo5yikidynfl"},
      {'K', "K2LCPZO5YIKIDYNFL"},     {'m', "meWVzIG1hbmkgIQ"},       {'M', "MeWVzIG1hbmkgIQ=="},
      {'u', "ueWVzIG1hbmkgIQ"},       {'U', "UeWVzIG1hbmkgIQ=="},
  };
  for (const auto& [prefix, text] : kForms) {
    EXPECT_EQ(EncodeMultibase(prefix, AsBytes("yes mani !")), text);
    EXPECT_EQ(DecodeMultibase(text).value(), "yes mani !");
  }
}

TEST(Multibase, KeepsLeadingZeros) {
  const std::string bytes = Unhex("0000796573206d616e692021");
  EXPECT_EQ(EncodeMultibase('z', AsBytes(bytes)), "z117paNL19xttacUY");
  EXPECT_EQ(EncodeMultibase('k', AsBytes(bytes)), "k002lcpzo5yikidynfl");
  EXPECT_EQ(DecodeBase58("11").value(), std::string(2, '\0'));
  EXPECT_EQ(DecodeBase58("").value(), "");
  EXPECT_EQ(EncodeBase58({}), "");
}

TEST(Multibase, RefusesWhatNoEncoderWrites) {
  for (std::string_view text : {
           "",      "zzzz0", "zO",      "zl",     "x00",   "9123",
           " b",                                                   // Prefix or alphabet.
           "ba",    "baaa",  "baaaaaa", "mA",     "f0",    "bab",  // The last: one bit left over.
           "mQR",   "bBQ",   "fFF",     "Fff",    "b=",    "mQQ==",
           "uab+/",  // Case, padding, other alphabet.
           "MQQ",   "MQQ=",  "MQQ===",  "MQQ==Q", "M====", "MQ===",  // Padding.
       }) {
    EXPECT_FALSE(DecodeMultibase(text).ok()) << text;
  }
}

TEST(Multibase, ReadsNothingFromABarePrefix) {
  for (char prefix : kPrefixes) EXPECT_EQ(DecodeMultibase(std::string(1, prefix)).value(), "");
}

TEST(Multibase, CapsTheQuadraticBases) {
  EXPECT_TRUE(DecodeBase58(std::string(512, '2')).ok());
  EXPECT_FALSE(DecodeBase58(std::string(513, '2')).ok());
  EXPECT_FALSE(DecodeMultibase("k" + std::string(513, '2')).ok());
}

}  // namespace
}  // namespace l2p
