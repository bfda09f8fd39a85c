#include "l2p/varint.h"

#include <gtest/gtest.h>

#include "format_bytes.h"

namespace l2p {
namespace {

std::string Encoded(uint64_t value) {
  std::string out;
  AppendVarint(value, out);
  return out;
}

TEST(Varint, HasTheKnownForms) {
  EXPECT_EQ(Encoded(0), Unhex("00"));
  EXPECT_EQ(Encoded(1), Unhex("01"));
  EXPECT_EQ(Encoded(127), Unhex("7f"));
  EXPECT_EQ(Encoded(128), Unhex("8001"));
  EXPECT_EQ(Encoded(300), Unhex("ac02"));
  EXPECT_EQ(Encoded(16384), Unhex("808001"));
  EXPECT_EQ(Encoded((uint64_t{1} << 63) - 1), Unhex("ffffffffffffffff7f"));
}

TEST(Varint, ReadsBackEveryLength) {
  for (int bit = 0; bit < 63; ++bit) {
    for (uint64_t value : {uint64_t{1} << bit, (uint64_t{1} << bit) - 1}) {
      const std::string encoded = Encoded(value);
      EXPECT_EQ(VarintSize(value), encoded.size());
      const std::string longer = encoded + "tail";
      VarintError error;
      auto varint = ReadVarint(AsBytes(longer), error);
      ASSERT_TRUE(varint.has_value());
      EXPECT_EQ(varint->value, value);
      EXPECT_EQ(varint->size, encoded.size());
    }
  }
}

VarintError ErrorOf(std::string_view hex) {
  const std::string bytes = Unhex(hex);
  VarintError error{};
  EXPECT_FALSE(ReadVarint(AsBytes(bytes), error).has_value()) << hex;
  return error;
}

TEST(Varint, TellsTruncationFromBadForm) {
  EXPECT_EQ(ErrorOf(""), VarintError::kTruncated);
  EXPECT_EQ(ErrorOf("80"), VarintError::kTruncated);
  EXPECT_EQ(ErrorOf("ffffffffffffffff"), VarintError::kTruncated);
  EXPECT_EQ(ErrorOf("8000"), VarintError::kInvalid);
  EXPECT_EQ(ErrorOf("ffffffffffffffffff"), VarintError::kInvalid);
  EXPECT_EQ(ErrorOf("ffffffffffffffffff01"), VarintError::kInvalid);
  EXPECT_EQ(ErrorOf("808080808080808080808001"), VarintError::kInvalid);
}

TEST(Varint, TakeConsumesNothingOnError) {
  const std::string bytes = Unhex("ac0280");
  ByteView in = AsBytes(bytes);
  EXPECT_EQ(TakeVarint(in), 300u);
  EXPECT_EQ(in.size(), 1u);
  EXPECT_EQ(TakeVarint(in), std::nullopt);
  EXPECT_EQ(in.size(), 1u);
}

}  // namespace
}  // namespace l2p
