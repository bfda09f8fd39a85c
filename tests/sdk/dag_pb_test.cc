#include "l2p/dag_pb.h"

#include <gtest/gtest.h>

#include "format_bytes.h"
#include "l2p/protobuf_wire.h"
#include "l2p/unixfs.h"

namespace l2p {
namespace {

// 256 KiB + 1 byte as two raw leaves under one node.
constexpr std::string_view kTwoLeaves =
    "122c0a2401551220bc6df23b12d4b146c388b286b273e557fe31a31c56a942edf56dcdb14de4eff912001880801012"
    "2a0a2401551220bbf3f11cb5b43e700273a78d12de55e4a7eab741ed2abf13787a4d2dc832b8ec120018010a0c0802"
    "18818010208080102001";

std::string Link(std::string_view name, uint64_t tsize, std::string_view content = "x") {
  std::string body;
  AppendWireBytes(1, RawCidOf(content).ToBinary(), body);
  AppendWireBytes(2, name, body);
  AppendWireVarint(3, tsize, body);
  std::string out;
  AppendWireBytes(2, body, out);
  return out;
}

std::string Data(std::string_view data) {
  std::string out;
  AppendWireBytes(1, data, out);
  return out;
}

absl::StatusOr<DagNode> Decode(const std::string& block) { return DecodeDagPb(AsBytes(block)); }

TEST(DagPb, ReadsAndWritesTheNodeOfTwoLeaves) {
  const std::string block = Unhex(kTwoLeaves);
  DagNode node = Decode(block).value();
  ASSERT_EQ(node.links.size(), 2u);
  EXPECT_EQ(node.links[0].name, "");
  EXPECT_EQ(node.links[0].tsize, 262144u);
  EXPECT_EQ(node.links[1].tsize, 1u);
  EXPECT_EQ(ToHex(AsBytes(*node.data)), "080218818010208080102001");
  EXPECT_EQ(EncodeDagPb(node), block);
  EXPECT_EQ(DagPbCidOf(block).ToString(),
            "bafybeiha45vtp4obft36jxxpri2vljdayh7mixq7p7lkb2hj4fdwbxrfwa");
}

TEST(DagPb, NamesTheSmallNodes) {
  EXPECT_EQ(Cid::V0(Sha256Of(Unhex("0a0408021800"))).value().ToString(),
            "QmbFMke1KXqnYyBBWxB74N4c5SBnJMVAiMNRcGu6x1AwQH");
  const std::string directory = Unhex("0a020801");
  EXPECT_EQ(EncodeDagPb({{}, Unhex("0801")}), directory);
  EXPECT_EQ(DagPbCidOf(directory).ToString(),
            "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354");
  EXPECT_EQ(Cid::V0(Sha256Of(directory)).value().ToString(),
            "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn");
}

TEST(DagPb, SortsLinksByTheBytesOfTheirNamesAndKeepsEqualOnesInOrder) {
  const std::string wide = "\xef\xbd\x9e";       // U+FF5E
  const std::string emoji = "\xf0\x9f\x98\x80";  // U+1F600, first in UTF-16.
  DagNode node;
  for (std::string name : {emoji, wide, std::string("b"), std::string("a"), std::string("b")}) {
    node.links.push_back({RawCidOf(std::to_string(node.links.size())), name, 1});
  }
  DagNode sorted = Decode(EncodeDagPb(node)).value();
  std::vector<std::string> names;
  for (const DagLink& link : sorted.links) names.push_back(link.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b", "b", wide, emoji}));
  EXPECT_EQ(sorted.links[1].cid, node.links[2].cid);
  EXPECT_EQ(sorted.links[2].cid, node.links[4].cid);
}

TEST(DagPb, TellsAbsentDataFromEmptyData) {
  EXPECT_EQ(EncodeDagPb({}), "");
  EXPECT_EQ(EncodeDagPb({{}, ""}), Unhex("0a00"));
  EXPECT_EQ(Decode("").value().data, std::nullopt);
  EXPECT_EQ(Decode(Unhex("0a00")).value().data, "");
}

TEST(DagPb, KnowsTheSizeOfALink) {
  for (uint64_t tsize : {uint64_t{0}, uint64_t{127}, uint64_t{128}, uint64_t{1} << 40}) {
    for (size_t length : {0, 1, 90, 200, 20000}) {
      DagLink link{RawCidOf("x"), std::string(length, 'n'), tsize};
      EXPECT_EQ(DagPbSize(link), EncodeDagPb({{link}, std::nullopt}).size());
      link.cid = Cid::V0(link.cid.hash()).value();
      EXPECT_EQ(DagPbSize(link), EncodeDagPb({{link}, std::nullopt}).size());
      link.cid = Cid(static_cast<Codec>(0x0129), link.cid.hash());
      EXPECT_EQ(DagPbSize(link), EncodeDagPb({{link}, std::nullopt}).size());
    }
  }
}

TEST(DagPb, ReadsDataBeforeOrAfterLinks) {
  DagNode after = Decode(Link("a", 1) + Link("b", 2) + Data("d")).value();
  EXPECT_EQ(Decode(Data("d") + Link("a", 1) + Link("b", 2)).value(), after);
}

TEST(DagPb, ReadsLinksWithoutNameOrTsize) {
  std::string body;
  AppendWireBytes(1, RawCidOf("x").ToBinary(), body);
  std::string block;
  AppendWireBytes(2, body, block);
  DagNode node = Decode(block).value();
  EXPECT_EQ(node.links[0], (DagLink{RawCidOf("x"), "", 0}));
}

TEST(DagPb, RefusesWhatTheStrictFormForbids) {
  const std::string cid = ToHex(AsBytes(RawCidOf("x").ToBinary()));
  auto link = [](const std::string& body_hex) {
    std::string out;
    AppendWireBytes(2, Unhex(body_hex), out);
    return out;
  };
  const std::pair<std::string_view, std::string> kBad[] = {
      {"links on both sides", Link("a", 1) + Data("d") + Link("b", 1)},
      {"data twice", Data("d") + Data("d")},
      {"data twice around links", Data("d") + Link("a", 1) + Data("d")},
      {"unknown field", Data("d") + Unhex("1a00")},
      {"data as varint", Unhex("0801")},
      {"links as varint", Unhex("1001")},
      {"data as fixed64", Unhex("090000000000000000")},
      {"group", Unhex("0b0c")},
      {"field number 0", Unhex("0200")},
      {"no hash", link("12016118"
                       "01")},
      {"empty link", link("")},
      {"empty hash", link("0a00")},
      {"hash is no cid", link("0a03010203")},
      {"hash with multibase byte", link("0a2500" + cid)},
      {"hash as varint", link("0801")},
      {"name before hash", link("1201610a24" + cid)},
      {"tsize before name", link("0a24" + cid + "1801120161")},
      {"hash twice", link("0a24" + cid + "0a24" + cid)},
      {"name twice", link("0a24" + cid +
                          "12016112"
                          "0161")},
      {"tsize as bytes", link("0a24" + cid + "1a00")},
      {"unknown field in a link", link("0a24" + cid + "2001")},
      {"varint of 11 bytes", link("0a24" + cid + "18ffffffffffffffffffff01")},
      {"varint over 64 bits", link("0a24" + cid + "18ffffffffffffffffff02")},
      {"length of 2^63", Unhex("12ffffffffffffffff7f00")},
      {"length of 2^64 - 1", Unhex("12ffffffffffffffffff01")},
  };
  for (const auto& [what, block] : kBad) {
    EXPECT_TRUE(absl::IsInvalidArgument(Decode(block).status())) << what;
  }
}

TEST(DagPb, RefusesEveryTruncationThatCutsAField) {
  const std::string block = Unhex(kTwoLeaves);
  for (size_t size = 0; size < block.size(); ++size) {
    const bool at_field_end = size == 0 || size == 46 || size == 90;
    EXPECT_EQ(Decode(block.substr(0, size)).ok(), at_field_end) << size;
  }
  EXPECT_FALSE(UnixFsOf(Decode(block.substr(0, 46)).value()).ok());
}

TEST(DagPb, CapsLinksAndBytes) {
  std::string tiny;  // A link to the empty identity id, the shortest there is.
  AppendWireBytes(2, Unhex("0a0401550000"), tiny);
  std::string block;
  for (size_t i = 0; i < kMaxDagLinks; ++i) block += tiny;
  EXPECT_EQ(Decode(block).value().links.size(), kMaxDagLinks);
  EXPECT_FALSE(Decode(block + tiny).ok());
  EXPECT_TRUE(Decode(Data(std::string(kMaxBlockBytes - 5, 'x'))).ok());
  EXPECT_FALSE(Decode(Data(std::string(kMaxBlockBytes, 'x'))).ok());
}

TEST(DagPb, AcceptedMutationsSurviveARoundTrip) {
  const std::string block = Link("a", 1) + Link("bb", 300) + Data("data");
  const int accepted = Mutate(block, 40000, [](const std::string& bytes) {
    absl::StatusOr<DagNode> node = Decode(bytes);
    if (!node.ok()) return false;
    const std::string canonical = EncodeDagPb(*node);
    EXPECT_EQ(EncodeDagPb(Decode(canonical).value()), canonical);
    return true;
  });
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace l2p
