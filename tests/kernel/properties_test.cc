#include "kernel/properties.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace l2p {
namespace {

using testing::ElementsAre;

std::vector<std::string> Lines(std::string_view text) {
  const auto properties = ParseProperties("f", text);
  if (!properties.ok()) return {std::string(properties.status().message())};
  std::vector<std::string> lines;
  for (const Property& each : *properties) {
    lines.push_back(absl::StrCat(each.line, " [", each.key, "] [", each.value, "]"));
  }
  return lines;
}

TEST(ParseProperties, ReadsBothSeparatorsAndDropsBlanks) {
  EXPECT_THAT(Lines("a=1\nb: 2\n  c.d  =  x y  \r\ne=\n"),
              ElementsAre("1 [a] [1]", "2 [b] [2]", "3 [c.d] [x y]", "4 [e] []"));
}

TEST(ParseProperties, OnlyTheFirstSeparatorCounts) {
  EXPECT_THAT(Lines("a = /ip4/1.2.3.4:80=x\nb:c=d"),
              ElementsAre("1 [a] [/ip4/1.2.3.4:80=x]", "2 [b] [c=d]"));
}

TEST(ParseProperties, LeavesOutCommentsAndEmptyLines) {
  EXPECT_THAT(Lines("# a=1\n\n  ! b=2\n \t \nc=3 # not a comment"),
              ElementsAre("5 [c] [3 # not a comment]"));
  EXPECT_THAT(Lines(""), ElementsAre());
}

TEST(ParseProperties, ContinuesALineAfterABackslash) {
  EXPECT_THAT(Lines("a = one, \\\n    two, \\\r\n  three\nb = \\x\\y\nc = end\\"),
              ElementsAre("1 [a] [one, two, three]", "4 [b] [\\x\\y]", "5 [c] [end]"));
}

TEST(ParseProperties, KeepsUtf8AndSkipsAByteOrderMark) {
  EXPECT_THAT(Lines("\xef\xbb\xbfname = Müller\n"), ElementsAre("1 [name] [Müller]"));
}

TEST(ParseProperties, NamesTheLineOfAFault) {
  EXPECT_THAT(Lines("a=1\n\nnonsense\n"),
              ElementsAre("f:3: expected key = value, found \"nonsense\""));
  EXPECT_THAT(Lines("=1"), ElementsAre("f:1: there is no key before the value"));
}

TEST(ParseProperties, RefusesAKeyThatIsThereTwiceNamingBothLines) {
  EXPECT_THAT(Lines("a=1\nb=2\na=3"), ElementsAre("f:3: 'a' is set twice, first in line 1"));
}

}  // namespace
}  // namespace l2p
