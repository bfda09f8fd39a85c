#include "message.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "kad_world.h"
#include "l2p/protobuf_wire.h"
#include "position.h"

namespace l2p::kademlia {
namespace {

using testkit::TestCrypto;
using testkit::TestKey;
using testkit::TestPeer;
using testkit::TestPeerAt;

std::string Hex(const Position& position) {
  std::string hex;
  for (const uint64_t word : position.words)
    absl::StrAppend(&hex, absl::Hex(word, absl::kZeroPad16));
  return hex;
}

std::string PeerBody(const std::string& id, const std::vector<std::string>& addresses) {
  std::string body;
  AppendWireBytes(1, id, body);
  for (const std::string& address : addresses) AppendWireBytes(2, address, body);
  return body;
}

Message FullMessage() {
  return {.type = MessageType::kGetProviders,
          .key = TestKey(1).bytes(),
          .closer = {TestPeerAt(1, "1.2.3.4"), TestPeerAt(2, "5.6.7.8")},
          .providers = {TestPeerAt(3, "127.0.0.1")}};
}

TEST(Position, IsTheHashOfThePeerIdAsTheWireHasIt) {
  EXPECT_EQ(Hex(PositionOf(TestCrypto(), TestPeer(0).binary())),
            "566b086a16b7d002b1b1f465d5f837985b1fbde5d760234fc435819fea030b39");
}

TEST(Position, IsTheHashOfTheMultihashOfContent) {
  std::string multihash;
  ASSERT_TRUE(
      FromHex("1220b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9", multihash));
  EXPECT_EQ(Hex(PositionOf(TestCrypto(), AsBytes(multihash))),
            "d323dcae8bb357d0f7c6b6235109503d2ab0ca9dff4d45441b00ef2a722322c6");
}

TEST(Position, CountsTheBitsInCommon) {
  Position a{}, b{};
  EXPECT_EQ(CommonPrefix(a, b), 256u);
  b.FlipBit(255);
  EXPECT_EQ(CommonPrefix(a, b), 255u);
  b.FlipBit(11);
  EXPECT_EQ(CommonPrefix(a, b), 11u);
  b.FlipBit(0);
  EXPECT_EQ(CommonPrefix(a, b), 0u);
}

TEST(KadMessage, HasTheBytesOfTheSpecification) {
  EXPECT_EQ(ToHex(AsBytes(Encode(
                {.type = MessageType::kFindNode, .key = "abc", .closer = {}, .providers = {}}))),
            "08041203616263");
  EXPECT_EQ(ToHex(AsBytes(Encode(
                {.type = MessageType::kPutValue, .key = "k", .closer = {}, .providers = {}}))),
            "12016b");
}

TEST(KadMessage, ReadsWhatItWrote) {
  const Message message = FullMessage();
  const absl::StatusOr<Message> read = Decode(AsBytes(Encode(message)));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->type, message.type);
  EXPECT_EQ(read->key, message.key);
  EXPECT_EQ(read->closer, message.closer);
  EXPECT_EQ(read->providers, message.providers);
}

TEST(KadMessage, TakesAMissingTypeForPutValue) {
  EXPECT_EQ(Decode({})->type, MessageType::kPutValue);
}

TEST(KadMessage, IsRefusedWhenCutInsideAField) {
  const std::string whole = Encode(FullMessage());
  size_t refused = 0;
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::string cut = whole.substr(0, size);
    const absl::StatusOr<Message> read = Decode(AsBytes(cut));
    if (!read.ok()) {
      ++refused;
      continue;
    }
    // Only a cut between fields may pass, and then nothing is made up.
    EXPECT_EQ(Encode(*read), cut) << size;
  }
  EXPECT_GE(refused, whole.size() - 6);
}

TEST(KadMessage, IsRefusedWithFieldsOfTheWrongTypeOrValue) {
  for (const char* hex : {"0806", "0a00", "10ff", "1001", "1801", "4001", "4801", "08", "4202ffff",
                          "42020801", "42021001", "0b"}) {
    std::string bytes;
    ASSERT_TRUE(FromHex(hex, bytes));
    EXPECT_FALSE(Decode(AsBytes(bytes)).ok()) << hex;
  }
}

TEST(KadMessage, SkipsFieldsItDoesNotKnow) {
  std::string bytes = Encode(FullMessage());
  AppendWireVarint(10, 7, bytes);
  AppendWireBytes(3, "a record", bytes);
  AppendWireFixed32(77, 1, bytes);
  EXPECT_TRUE(Decode(AsBytes(bytes)).ok());
}

TEST(KadMessage, DropsBadPeersAndKeepsTheRest) {
  std::string bytes;
  AppendWireBytes(8, PeerBody("no multihash", {}), bytes);
  AppendWireBytes(8, PeerBody(TestPeer(1).bytes(), {}), bytes);
  const absl::StatusOr<Message> read = Decode(AsBytes(bytes));
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->closer.size(), 1u);
  EXPECT_EQ(read->closer[0].id, TestPeer(1));
}

TEST(KadMessage, KeepsOnlyAddressesThatCanBeDialled) {
  const Multiaddr good = *Multiaddr::FromString("/ip4/1.2.3.4/tcp/1");
  std::string bytes;
  AppendWireBytes(
      9,
      PeerBody(TestPeer(1).bytes(), {"rubbish", good.WithPeer(TestPeer(1)).bytes(), good.bytes(),
                                     good.WithPeer(TestPeer(2)).bytes(),
                                     Multiaddr::FromString("/ip4/224.0.0.1/tcp/1")->bytes(),
                                     Multiaddr::FromString("/ip4/0.0.0.0/tcp/1")->bytes(),
                                     Multiaddr::FromString("/dns4/a.example/tcp/1")->bytes()}),
      bytes);
  const std::vector<Multiaddr> wanted = {good, *Multiaddr::FromString("/dns4/a.example/tcp/1")};
  EXPECT_EQ(Decode(AsBytes(bytes))->providers[0].addresses, wanted);
}

TEST(KadMessage, IsReadOnlyUpToItsCaps) {
  std::vector<std::string> addresses;
  for (uint16_t port = 1; port <= 100; ++port) {
    addresses.push_back(Multiaddr::FromTcp("1.2.3.4", port)->bytes());
  }
  const std::string body = PeerBody(TestPeer(1).bytes(), addresses);
  std::string bytes;
  for (size_t i = 0; i < 2 * kMostProviders; ++i) {
    AppendWireBytes(8, body, bytes);
    AppendWireBytes(9, PeerBody(TestPeer(1).bytes(), {}), bytes);
  }
  const absl::StatusOr<Message> read = Decode(AsBytes(bytes));
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->closer.size(), kMostCloser);
  EXPECT_EQ(read->providers.size(), kMostProviders);
  EXPECT_EQ(read->closer[0].addresses.size(), kMostAddresses);
}

}  // namespace
}  // namespace l2p::kademlia
