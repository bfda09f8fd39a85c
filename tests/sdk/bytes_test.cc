#include "l2p/bytes.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>

namespace l2p {
namespace {

TEST(Bytes, OfTakesTheStringOverWithoutACopy) {
  std::string text(100, 'x');
  const char* memory = text.data();
  Bytes bytes = Bytes::Of(std::move(text));
  EXPECT_EQ(reinterpret_cast<const char*>(bytes.data()), memory);
  EXPECT_EQ(bytes.text(), std::string(100, 'x'));
}

TEST(Bytes, OfKeepsShortStringsReadable) { EXPECT_EQ(Bytes::Of("abc").text(), "abc"); }

TEST(Bytes, SliceKeepsTheWholeAlive) {
  Bytes slice = Bytes::Copy("hello world").Slice(6, 5);
  EXPECT_EQ(slice.text(), "world");
  EXPECT_TRUE(slice.Slice(5, 0).empty());
}

TEST(BytesDeathTest, SliceBeyondTheEndDies) {
  EXPECT_DEATH(Bytes::Copy("abc").Slice(2, 2), "offset");
}

TEST(Bytes, EqualComparesContent) {
  EXPECT_TRUE(Equal(Bytes(), Bytes::Copy("")));
  EXPECT_TRUE(Equal(AsBytes("abc"), AsBytes("abc")));
  EXPECT_FALSE(Equal(AsBytes("abc"), AsBytes("abd")));
  EXPECT_FALSE(Equal(AsBytes("abc"), AsBytes("ab")));
}

TEST(Buffer, FreezeLeavesItEmptyAndKeepsTheMemory) {
  Buffer buffer = Buffer::Unbudgeted(4);
  const uint8_t* memory = buffer.data();
  std::copy_n("abcd", 4, buffer.data());
  buffer.Truncate(3);
  Bytes bytes = std::move(buffer).Freeze();
  EXPECT_EQ(bytes.text(), "abc");
  EXPECT_EQ(bytes.data(), memory);
  EXPECT_EQ(buffer.size(), 0u);  // NOLINT(bugprone-use-after-move): what is promised.
  EXPECT_EQ(buffer.data(), nullptr);
}

TEST(Buffer, MovingLeavesTheSourceEmpty) {
  Buffer first = Buffer::Unbudgeted(8);
  Buffer second = std::move(first);
  EXPECT_EQ(first.size(), 0u);  // NOLINT(bugprone-use-after-move): what is promised.
  EXPECT_EQ(second.size(), 8u);
  first = std::move(second);
  EXPECT_EQ(first.size(), 8u);
  EXPECT_EQ(second.data(), nullptr);  // NOLINT(bugprone-use-after-move)
}

TEST(Buffer, ReleasesOnceWhenTheLastSliceIsGone) {
  uint8_t memory[4] = {1, 2, 3, 4};
  int released = 0;
  {
    Bytes slice;
    {
      Bytes whole = Buffer(memory, sizeof memory, [&released] { ++released; }).Freeze();
      slice = whole.Slice(1, 2);
    }
    EXPECT_EQ(released, 0);
    EXPECT_EQ(slice.data(), memory + 1);
  }
  EXPECT_EQ(released, 1);
}

TEST(Hex, GoesBothWays) {
  EXPECT_EQ(ToHex(AsBytes(std::string("\x00\x7f\xff", 3))), "007fff");
  std::string bytes;
  ASSERT_TRUE(FromHex("007fff", bytes));
  EXPECT_EQ(bytes, std::string("\x00\x7f\xff", 3));
  EXPECT_TRUE(FromHex("", bytes));
  EXPECT_EQ(bytes, "");
}

TEST(Hex, RefusesOddCountsAndOtherCharacters) {
  std::string bytes;
  for (const char* text : {"0", "0g", "FF", " 0", "0x"}) EXPECT_FALSE(FromHex(text, bytes)) << text;
}

}  // namespace
}  // namespace l2p
