#include "keeper_messages.h"

#include <gmock/gmock.h>

#include "boringssl_crypto.h"
#include "l2p/group_status.h"
#include "l2p/protobuf_wire.h"

namespace l2p::keeper {
namespace {

using testing::ElementsAre;

Multihash GroupOf(uint8_t number) {
  return *Multihash::FromDigest(HashCode::kSha2_256, std::vector<uint8_t>(32, number));
}

PeerId SomePeer() {
  std::string key = {0x08, 0x01, 0x12, 0x20};
  return *PeerId::OfPublicKey(AsBytes(key += std::string(32, 'p')));
}

KeeperRequest FullRequest() {
  KeeperRequest request;
  Range digest;
  digest.path = std::string("\x01\x0f", 2);
  digest.digest.emplace().fill(7);
  request.ranges.push_back(digest);
  Range list;
  list.is_list = true;
  list.shares = {{GroupOf(1), 3}, {GroupOf(2), kWhole}};
  request.ranges.push_back(list);
  request.claim = RepairClaim{GroupOf(3), absl::Minutes(10)};
  request.hints.push_back({GroupOf(4), 5, SomePeer()});
  request.leaf = LeafRequest{{GroupOf(5), GroupOf(6)}, 77};
  return request;
}

TEST(KeeperMessages, ComeBackAsTheyWere) {
  const std::string bytes = Encode(FullRequest());
  const auto parsed = ParseRequest(AsBytes(bytes));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(Encode(*parsed), bytes);
  EXPECT_EQ(parsed->ranges[0].path, FullRequest().ranges[0].path);
  EXPECT_EQ(parsed->claim->time, absl::Minutes(10));
  EXPECT_EQ(parsed->hints[0].peer, SomePeer());
  EXPECT_THAT(parsed->leaf->blocks, ElementsAre(GroupOf(5), GroupOf(6)));

  KeeperAnswer answer;
  answer.ranges.emplace_back().digests.emplace().fill(Digest{1, 2, 3});
  answer.granted = true;
  answer.proof = TreeProof{Bytes::Copy("leaf"), {Sha256Digest{1}, Sha256Digest{2}}};
  const std::string answered = Encode(answer);
  const auto heard = ParseAnswer(AsBytes(answered));
  ASSERT_TRUE(heard.ok()) << heard.status();
  EXPECT_EQ(Encode(*heard), answered);
  EXPECT_EQ(heard->proof->leaf.text(), "leaf");
}

// docs/protocol.md shows these bytes.
TEST(KeeperMessages, AreTheBytesOfTheDocumentation) {
  KeeperRequest probe;
  probe.ranges.emplace_back().digest.emplace().fill(0xab);
  EXPECT_EQ(ToHex(AsBytes(Encode(probe))), "0a140a001210abababababababababababababababab");
  KeeperRequest claim;
  claim.claim = RepairClaim{GroupOf(1), absl::Seconds(600)};
  EXPECT_EQ(ToHex(AsBytes(Encode(claim))), "12270a221220" + ToHex(GroupOf(1).digest()) + "10d804");
}

TEST(KeeperMessages, OfAnyLengthButTheirOwnAreRefusedOrShorter) {
  const std::string bytes = Encode(FullRequest());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto parsed = ParseRequest(AsBytes(bytes.substr(0, size)));
    EXPECT_TRUE(!parsed.ok() || Encode(*parsed).size() <= size);
  }
}

TEST(KeeperMessages, KeepTheirCaps) {
  KeeperRequest ranges;
  ranges.ranges.resize(Range::kMaxRanges + 1);
  EXPECT_FALSE(ParseRequest(AsBytes(Encode(ranges))).ok());
  KeeperRequest hints;
  hints.hints.resize(KeeperRequest::kMaxHints + 1, {GroupOf(1), 0, SomePeer()});
  EXPECT_FALSE(ParseRequest(AsBytes(Encode(hints))).ok());
  KeeperRequest leaf;
  leaf.leaf.emplace().blocks.resize(LeafRequest::kMaxBlocks + 1, GroupOf(1));
  EXPECT_FALSE(ParseRequest(AsBytes(Encode(leaf))).ok());
  KeeperRequest path;
  path.ranges.emplace_back().path = std::string(Range::kMaxPath + 1, '\1');
  EXPECT_FALSE(ParseRequest(AsBytes(Encode(path))).ok());
  path.ranges[0].path = "\x10";
  EXPECT_FALSE(ParseRequest(AsBytes(Encode(path))).ok());
  KeeperAnswer proof;
  proof.proof = TreeProof{Bytes::Of(std::string(kTreeLeaf + 1, 'x')), {}};
  EXPECT_FALSE(ParseAnswer(AsBytes(Encode(proof))).ok());
}

TEST(GroupStatus, ComesBackAsItWasAndKeepsItsCaps) {
  GroupStatus status;
  status.record = "signed";
  status.place = 7;
  status.lost_blocks = 3;
  status.last_audit = absl::FromUnixSeconds(1'700'000'000);
  status.repair = GroupStatus::Repair::kRunning;
  status.members.push_back({SomePeer(), 3, true});
  status.members.push_back({SomePeer(), GroupStatus::kWholeCopy, false});
  const std::string bytes = EncodeGroupStatus(status);
  const auto parsed = ParseGroupStatus(AsBytes(bytes));
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(EncodeGroupStatus(*parsed), bytes);
  EXPECT_EQ(parsed->last_audit, status.last_audit);
  EXPECT_FALSE(parsed->members[1].counts);
  status.members.resize(GroupStatus::kMaxMembers + 1, {SomePeer(), 0, true});
  EXPECT_FALSE(ParseGroupStatus(AsBytes(EncodeGroupStatus(status))).ok());
  EXPECT_FALSE(ParseGroupStatus(AsBytes(std::string(GroupStatus::kMaxBytes + 1, '\0'))).ok());
}

}  // namespace
}  // namespace l2p::keeper
