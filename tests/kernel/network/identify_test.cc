#include "kernel/network/identify.h"

#include "kernel/network/signed_peer_record.h"
#include "l2p/varint.h"
#include "sim_peer.h"

namespace l2p {
namespace {

const std::string kId(Identify::kProtocol);
const std::string kPush(Identify::kPushProtocol);

std::string Frame(const pb::Identify& message) {
  std::string frame;
  AppendVarint(message.ByteSizeLong(), frame);
  return frame + message.SerializeAsString();
}

pb::Identify MessageOf(const SimPlace& place) {
  pb::Identify message;
  message.set_public_key(std::string(AsText(place.identity->public_key())));
  message.add_listen_addrs(place.address.bytes());
  message.set_agent_version("raw\x01/1");
  return message;
}

class IdentifyTest : public SimNetworkTest {
 protected:
  // Asks `peer` by a bare stream.
  static pb::Identify Ask(RawPeer& from, const SimPlace& peer) {
    auto stream = *from.Dial(peer)->Open(kId);
    const Bytes bytes = Bytes::Copy(from.ReadAll(*stream));
    stream->CloseWrite();
    ByteView rest = bytes.view();
    const auto size = TakeVarint(rest);
    pb::Identify message;
    EXPECT_TRUE(size && *size == rest.size() &&
                message.ParseFromArray(rest.data(), static_cast<int>(rest.size())));
    return message;
  }

  // What `peer` knows of `raw` after a connection over which raw said `bytes`.
  std::optional<Network::PeerStatus> Heard(SimPeer& peer, RawPeer& raw, std::string bytes) {
    raw.Say(kId, std::move(bytes));
    EXPECT_TRUE(peer.net->Connect(raw.info(), peer.Soon()).ok());
    Sleep(absl::Seconds(1));
    for (const Network::PeerStatus& status : peer.net->Peers()) {
      if (status.id == raw.id()) return status;
    }
    return std::nullopt;
  }
};

TEST_F(IdentifyTest, SaysWhoWeAreInUnderFourKilobytes) {
  Run([&] {
    std::vector<Multiaddr> many;
    for (int i = 0; i < 300; ++i)
      many.push_back(Address("/dns4/host" + std::to_string(i) + ".example/tcp/1"));
    SimPeer a(simulation, network, {.announce = many});
    RawPeer b(simulation, network);
    const pb::Identify said = Ask(b, a);
    EXPECT_EQ(said.public_key(), AsText(a.identity->public_key()));
    EXPECT_LE(said.ByteSizeLong(), Identify::kMostOwnBytes);
    EXPECT_GT(said.listen_addrs_size(), 20);
    EXPECT_EQ(said.agent_version(), std::string("l2p/") + kVersion);
    EXPECT_THAT(said.protocols(), testing::ElementsAre(kId, kPush, "/ipfs/ping/1.0.0"));
    EXPECT_EQ(Multiaddr::FromBinary(AsBytes(said.observed_addr()))->Value("ip4"),
              network.ip(b.number));
    const auto record = ReadPeerRecord(AsBytes(said.signed_peer_record()), a.id(), TestCrypto());
    ASSERT_TRUE(record.ok()) << record.status();
    EXPECT_EQ(record->size(), static_cast<size_t>(said.listen_addrs_size()));
  });
}

TEST_F(IdentifyTest, SignedRecordsMatchTheVectorOfTheImplementations) {
  const auto identity = TestIdentity(0);
  const auto envelope = SignPeerRecord(*identity, {Address("/ip4/127.0.0.1/tcp/4001")}, 1);
  ASSERT_TRUE(envelope.ok());
  pb::Envelope parsed;
  ASSERT_TRUE(parsed.ParseFromString(*envelope));
  EXPECT_EQ(ToHex(AsBytes(parsed.payload())),
            "0a260024080112203b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da291001"
            "1a0a0a08047f000001060fa1");
  EXPECT_EQ(ToHex(AsBytes(parsed.signature())),
            "9544590e46d8fd59c7fd95320ffbb6df874185f11a265660b337193d429136bcdcde5a83c63c74244db4"
            "32a90968bd43b10d2e34049caa8b89aaa348fb456208");
  EXPECT_TRUE(absl::IsDataLoss(
      ReadPeerRecord(AsBytes(*envelope), TestIdentity(1)->peer(), TestCrypto()).status()));
  parsed.mutable_signature()->back() ^= 1;
  EXPECT_TRUE(absl::IsDataLoss(
      ReadPeerRecord(AsBytes(parsed.SerializeAsString()), identity->peer(), TestCrypto())
          .status()));
}

TEST_F(IdentifyTest, RecordsAreSignedAndVerifiedOnceButEachIsVerified) {
  const auto identity = TestIdentity(0);
  PeerRecords own(*identity, TestCrypto());
  const std::vector<Multiaddr> here = {Address("/ip4/127.0.0.1/tcp/4001")};
  const std::string first = *own.Own(here, 1);
  EXPECT_EQ(*own.Own(here, 2), first);
  EXPECT_NE(*own.Own({}, 2), first);

  PeerRecords reader(*TestIdentity(1), TestCrypto());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(*reader.Read(AsBytes(first), identity->peer()), here);
    EXPECT_FALSE(reader.Read(AsBytes(first), TestIdentity(1)->peer()).ok());
    std::string forged = first;
    forged.back() ^= 1;
    EXPECT_FALSE(reader.Read(AsBytes(forged), identity->peer()).ok());
  }
  for (uint64_t seq = 0; seq <= PeerRecords::kMostVerified; ++seq) {
    const std::string record = *SignPeerRecord(*identity, here, seq);
    ASSERT_TRUE(reader.Read(AsBytes(record), identity->peer()).ok());
    ASSERT_LE(reader.remembered(), PeerRecords::kMostVerified);
  }
  for (uint16_t port = 1; port < 3 * PeerRecords::kMostOwn; ++port) {
    ASSERT_TRUE(own.Own({Address(absl::StrCat("/ip4/127.0.0.1/tcp/", port))}, 1).ok());
    ASSERT_LE(own.remembered(), PeerRecords::kMostOwn);
  }
}

TEST_F(IdentifyTest, MergesSeveralMessages) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    pb::Identify second;
    second.add_protocols("/z");
    second.add_protocols("/a");
    second.add_protocols("/z");
    const auto heard = Heard(a, b, Frame(MessageOf(b)) + Frame(second));
    ASSERT_TRUE(heard.has_value());
    EXPECT_TRUE(heard->identified);
    EXPECT_EQ(heard->protocols, (std::vector<std::string>{"/a", "/z"}));
    EXPECT_EQ(heard->addresses, std::vector<Multiaddr>{b.address});
    EXPECT_EQ(heard->agent, "raw?/1") << "only what may be printed";
  });
}

TEST_F(IdentifyTest, AcceptsTenMessagesAndNotEleven) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    RawPeer c(simulation, network);
    std::string ten;
    for (int i = 0; i < 10; ++i) ten += Frame(MessageOf(b));
    EXPECT_TRUE(Heard(a, b, ten)->identified);
    std::string eleven;
    for (int i = 0; i < 11; ++i) eleven += Frame(MessageOf(c));
    Heard(a, c, eleven);
    EXPECT_FALSE(a.Knows(c.id()));
  });
}

TEST_F(IdentifyTest, RefusesAMessageOverEightKilobytesAndGarbage) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    pb::Identify huge = MessageOf(b);
    huge.set_agent_version(std::string(Identify::kMostMessageBytes, 'x'));
    EXPECT_FALSE(Heard(a, b, Frame(huge))->identified);
    RawPeer c(simulation, network);
    Heard(a, c, "\x05\xff\xff\xff\xff\xff");
    EXPECT_FALSE(a.Knows(c.id()));
  });
}

TEST_F(IdentifyTest, DisconnectsAPeerThatShowsAnothersKey) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    pb::Identify message = MessageOf(b);
    message.set_public_key(std::string(AsText(a.identity->public_key())));
    EXPECT_FALSE(Heard(a, b, Frame(message)).has_value());
    EXPECT_EQ(b.closed, 1u);
  });
}

TEST_F(IdentifyTest, DisconnectsAPeerWithAForgedRecord) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    pb::Identify message = MessageOf(b);
    message.set_signed_peer_record(*SignPeerRecord(*a.identity, {a.address}, 1));
    EXPECT_FALSE(Heard(a, b, Frame(message)).has_value());
  });
}

TEST_F(IdentifyTest, TakesTheAddressesThatWereSigned) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    pb::Identify message = MessageOf(b);
    const Multiaddr better = Address("/ip4/10.1.2.3/tcp/9");
    message.set_signed_peer_record(*SignPeerRecord(*b.identity, {better}, 1));
    EXPECT_EQ(Heard(a, b, Frame(message))->addresses, (std::vector<Multiaddr>{b.address, better}))
        << "and the one that was dialled";
  });
}

TEST_F(IdentifyTest, LearnsAndTellsNoPrivateAddressesOverTheInternet) {
  Run([&] {
    SimPeer a(simulation, network,
              {.announce = {Address("/ip4/127.0.0.1/tcp/1"), Address("/ip4/192.168.0.1/tcp/1"),
                            Address("/ip4/198.51.100.1/tcp/4422")}},
              "198.51.100.1");
    RawPeer asker(simulation, network, "198.51.100.3");
    const pb::Identify said = Ask(asker, a);
    ASSERT_EQ(said.listen_addrs_size(), 1);
    EXPECT_EQ(said.listen_addrs(0), Address("/ip4/198.51.100.1/tcp/4422").bytes());
    RawPeer b(simulation, network, "198.51.100.2");
    pb::Identify message = MessageOf(b);
    for (const char* address :
         {"/ip4/127.0.0.1/tcp/1", "/ip4/10.0.0.1/tcp/1", "/ip4/169.254.1.1/tcp/1", "/ip6/::1/tcp/1",
          "/ip4/0.0.0.0/tcp/1", "/ip4/224.0.0.1/udp/1"}) {
      message.add_listen_addrs(Address(address).bytes());
    }
    EXPECT_EQ(Heard(a, b, Frame(message))->addresses, std::vector<Multiaddr>{b.address});
  });
}

TEST_F(IdentifyTest, PushesChangesOfOneMomentTogether) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    std::vector<std::vector<std::string>> heard;
    const auto watch = a.messenger->Watch(
        {[&](const PeerInfo&, const std::vector<std::string>& p) { heard.push_back(p); }, nullptr});
    ASSERT_TRUE(a.net->Connect(b.info(), a.Soon()).ok());
    Sleep(absl::Seconds(1));
    ASSERT_EQ(heard.size(), 1u);
    auto echo = [](const Caller&, ByteView bytes) { return Bytes::Copy(bytes); };
    auto one = b.messenger->Serve("/test/1", 10, echo);
    auto two = b.messenger->Serve("/test/2", 10, echo);
    Sleep(absl::Seconds(1));
    ASSERT_EQ(heard.size(), 2u);
    EXPECT_THAT(heard[1], testing::IsSupersetOf({"/test/1", "/test/2"}));
    one->reset();
    Sleep(absl::Seconds(1));
    ASSERT_EQ(heard.size(), 3u);
    EXPECT_THAT(heard[2], testing::Not(testing::Contains("/test/1")));
    EXPECT_EQ(b.net->Peers()[0].streams, 0u);
  });
}

TEST_F(IdentifyTest, MissingFieldsOfAPushMeanUnchanged) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    pb::Identify message = MessageOf(b);
    message.add_protocols("/old");
    ASSERT_TRUE(Heard(a, b, Frame(message)).has_value());
    pb::Identify push;
    push.add_protocols("/new");
    auto stream = *b.connections.at(0)->Open(kPush);
    RawPeer::Send(*stream, Frame(push));
    stream->CloseWrite();
    Sleep(absl::Seconds(1));
    const Network::PeerStatus peer = a.net->Peers().at(0);
    EXPECT_EQ(peer.protocols, std::vector<std::string>{"/new"});
    EXPECT_EQ(peer.addresses, std::vector<Multiaddr>{b.address});
    EXPECT_EQ(peer.agent, "raw?/1");
  });
}

TEST_F(IdentifyTest, CountsWhoSeesUsWhere) {
  Run([&] {
    SimPeer a(simulation, network);
    const Multiaddr seen = Address("/ip4/198.51.100.9/tcp/4422");
    std::vector<std::unique_ptr<RawPeer>> peers;
    for (int i = 0; i < 3; ++i) {
      peers.push_back(std::make_unique<RawPeer>(simulation, network));
      pb::Identify message = MessageOf(*peers.back());
      message.set_observed_addr(seen.bytes());
      Heard(a, *peers.back(), Frame(message));
    }
    EXPECT_EQ(a.net->Observed().at(seen), 3u);
  });
}

TEST_F(IdentifyTest, APeerThatNeverAnswersIsConnectedButNotUp) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    b.protocols[kId] = [&](std::unique_ptr<Stream> s) { b.kept.push_back(std::move(s)); };
    ASSERT_TRUE(a.net->Connect(b.info(), a.Soon()).ok());
    Sleep(Identify::kLimit + 2 * Network::kSweepPeriod);
    EXPECT_TRUE(a.messenger->Connected().empty());
    ASSERT_EQ(a.net->Peers().size(), 1u);
    EXPECT_EQ(a.net->Peers()[0].streams, 0u);
  });
}

}  // namespace
}  // namespace l2p
