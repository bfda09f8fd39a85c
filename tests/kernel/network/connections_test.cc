#include "kernel/network/connections.h"

#include "sim_peer.h"

namespace l2p {
namespace {

using ConnectionsTest = SimNetworkTest;

TEST_F(ConnectionsTest, TwoNodesThatConnectIdentifyEachOther) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    ASSERT_TRUE(a.net->Connect(b.info(), a.Soon()).ok());
    Sleep(absl::Seconds(1));
    EXPECT_TRUE(a.Knows(b.id()));
    EXPECT_TRUE(b.Knows(a.id()));
    ASSERT_EQ(a.net->Peers().size(), 1u);
    const Network::PeerStatus peer = a.net->Peers()[0];
    EXPECT_TRUE(peer.outbound);
    EXPECT_EQ(peer.agent, std::string("l2p/") + kVersion);
    EXPECT_EQ(peer.streams, 0u);
    EXPECT_THAT(peer.protocols, testing::Contains(std::string(Network::kPingProtocol)));
  });
}

TEST_F(ConnectionsTest, ConnectsToWhoeverIsAtAnAddressWithoutAPeer) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    const absl::StatusOr<PeerId> met = a.net->Connect(b.address, a.Soon());
    ASSERT_TRUE(met.ok()) << met.status();
    EXPECT_EQ(*met, b.id());
  });
}

TEST_F(ConnectionsTest, ThoseWhoWantTheSamePeerShareOneDial) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    int connected = 0;
    TaskGroup group(a.runtime.tasks(), a.runtime.NewEvent());
    for (int i = 0; i < 20; ++i) {
      ASSERT_TRUE(
          group.Start("connect", [&] { connected += a.net->Connect(b.info(), a.Soon()).ok(); })
              .ok());
    }
    group.Join();
    EXPECT_EQ(connected, 20);
    EXPECT_EQ(network.traffic(a.number).dials, 1u);
    EXPECT_EQ(a.net->Peers().size(), 1u);
  });
}

TEST_F(ConnectionsTest, ADeadAddressDelaysTheNextByAHeadStartOnly) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    const Time start = a.runtime.Now();
    // Nobody is at 10.9.9.x: dials there get no answer at all.
    const PeerInfo to{b.id(), {Address("/ip4/10.9.9.8/tcp/1"), b.address}};
    const auto order = PeerBook(a.runtime).DialOrder(to);
    ASSERT_EQ(order.size(), 2u);
    ASSERT_TRUE(a.net->Connect(to, a.Soon()).ok());
    const Duration took = a.runtime.Now() - start;
    EXPECT_LE(took, Connections::kHeadStart + absl::Seconds(1));
  });
}

TEST_F(ConnectionsTest, AnAddressThatFailedIsLeftAloneForAWhile) {
  Run([&] {
    SimPeer a(simulation, network);
    const PeerInfo nobody{TestIdentity(77)->peer(), {Address("/memory/nobody")}};
    EXPECT_TRUE(absl::IsUnavailable(a.net->Connect(nobody, a.Soon())));
    EXPECT_TRUE(absl::IsUnavailable(a.net->Connect(nobody, a.Soon())));
    EXPECT_EQ(network.traffic(a.number).dials, 1u);
    Sleep(PeerBook::kFirstBackOff);
    EXPECT_FALSE(a.net->Connect(nobody, a.Soon()).ok());
    EXPECT_EQ(network.traffic(a.number).dials, 2u);
    Sleep(PeerBook::kFirstBackOff);
    EXPECT_FALSE(a.net->Connect(nobody, a.Soon()).ok());
    EXPECT_EQ(network.traffic(a.number).dials, 2u) << "the second failure doubles the pause";
  });
}

TEST_F(ConnectionsTest, AWaiterThatGivesUpLeavesTheDialToTheOthers) {
  Run([&] {
    SimPeer a(simulation, network);
    network.SetLatency(a.number, absl::Milliseconds(200));
    SimPeer b(simulation, network);
    EXPECT_TRUE(absl::IsDeadlineExceeded(
        a.net->Connect(b.info(), a.runtime.Now() + absl::Milliseconds(5))));
    EXPECT_TRUE(a.net->Connect(b.info(), a.Soon()).ok());
    EXPECT_EQ(network.traffic(a.number).dials, 1u);
  });
}

TEST_F(ConnectionsTest, TriesAtMostEightAddresses) {
  Run([&] {
    SimPeer a(simulation, network);
    PeerInfo nobody{TestIdentity(77)->peer(), {}};
    for (int i = 0; i < 30; ++i)
      nobody.addresses.push_back(Address("/memory/x" + std::to_string(i)));
    EXPECT_FALSE(a.net->Connect(nobody, a.Soon()).ok());
    EXPECT_EQ(network.traffic(a.number).dials, Connections::kMostAddressesTried);
  });
}

TEST_F(ConnectionsTest, APeerThatAnswersForAnotherIsRefusedAndNotDialledAgainSoon) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    const PeerInfo wrong{TestIdentity(77)->peer(), {b.address}};
    EXPECT_TRUE(absl::IsDataLoss(a.net->Connect(wrong, a.Soon())));
    Sleep(absl::Minutes(1));
    EXPECT_TRUE(absl::IsUnavailable(a.net->Connect(wrong, a.Soon())));
    EXPECT_EQ(network.traffic(a.number).dials, 1u);
  });
}

TEST_F(ConnectionsTest, NeverDialsItself) {
  Run([&] {
    SimPeer a(simulation, network);
    EXPECT_TRUE(absl::IsInvalidArgument(a.net->Connect(a.info(), a.Soon())));
    EXPECT_FALSE(a.net->Connect(a.address, a.Soon()).ok());
    Sleep(absl::Seconds(1));
    EXPECT_TRUE(a.net->Peers().empty());
  });
}

TEST_F(ConnectionsTest, ClosesAConnectionThatNobodyUsed) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    ASSERT_TRUE(a.net->Connect(b.info(), a.Soon()).ok());
    Sleep(Connections::kIdleLimit - absl::Seconds(5));
    EXPECT_EQ(a.net->Peers().size(), 1u);
    Sleep(absl::Seconds(20));
    EXPECT_TRUE(a.net->Peers().empty());
    EXPECT_TRUE(b.net->Peers().empty());
  });
}

TEST_F(ConnectionsTest, KeepsAnIdleConnectionToAProtectedPeer) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    a.net->Protect(b.id());
    b.net->Protect(a.id());
    ASSERT_TRUE(a.net->Connect(b.info(), a.Soon()).ok());
    Sleep(absl::Minutes(5));
    EXPECT_EQ(a.net->Peers().size(), 1u);
    a.net->Unprotect(b.id());
    Sleep(absl::Minutes(2));
    EXPECT_TRUE(a.net->Peers().empty());
  });
}

TEST_F(ConnectionsTest, OfTwoSimultaneousConnectionsOneIsClosedAndThePeerStaysUp) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    int downs = 0;
    const auto watch = a.messenger->Watch({nullptr, [&](const PeerId&) { ++downs; }});
    TaskGroup group(a.runtime.tasks(), a.runtime.NewEvent());
    ASSERT_TRUE(
        group.Start("a", [&] { EXPECT_TRUE(a.net->Connect(b.info(), a.Soon()).ok()); }).ok());
    ASSERT_TRUE(
        group.Start("b", [&] { EXPECT_TRUE(b.net->Connect(a.info(), b.Soon()).ok()); }).ok());
    group.Join();
    EXPECT_EQ(a.net->Peers().size(), 2u);
    Sleep(absl::Seconds(30));
    ASSERT_EQ(a.net->Peers().size(), 1u);
    ASSERT_EQ(b.net->Peers().size(), 1u);
    EXPECT_EQ(a.net->Peers()[0].outbound, a.id() < b.id());
    EXPECT_EQ(downs, 0);
  });
}

TEST_F(ConnectionsTest, RefusesInboundConnectionsBeyondItsCap) {
  Run([&] {
    SimPeer hub(simulation, network, {.max_inbound = 3});
    std::vector<std::unique_ptr<SimPeer>> peers;
    int connected = 0;
    for (int i = 0; i < 5; ++i) {
      peers.push_back(std::make_unique<SimPeer>(simulation, network));
      connected += peers.back()->net->Connect(hub.info(), hub.Soon()).ok();
    }
    EXPECT_EQ(connected, 3);
    EXPECT_EQ(hub.net->Peers().size(), 3u);
    // What it dials itself does not count.
    EXPECT_TRUE(hub.net->Connect(peers.back()->info(), hub.Soon()).ok());
  });
}

TEST_F(ConnectionsTest, ACrowdedNodeClosesIdleConnectionsSooner) {
  Run([&] {
    SimPeer hub(simulation, network, {.max_inbound = 2});
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    ASSERT_TRUE(a.net->Connect(hub.info(), a.Soon()).ok());
    ASSERT_TRUE(b.net->Connect(hub.info(), b.Soon()).ok());
    Sleep(Connections::kCrowdedIdleLimit + 2 * Network::kSweepPeriod);
    EXPECT_TRUE(hub.net->Peers().empty());
  });
}

TEST_F(ConnectionsTest, OnePublicAddressGetsOnlyItsShareOfConnections) {
  Run([&] {
    SimPeer hub(simulation, network, {}, "198.51.100.1");
    RawPeer crowd(simulation, network, "198.51.100.2");
    size_t dialled = 0;
    // One peer may have kMostConnectionsPerPeer, which is less.
    for (size_t i = 0; i < 20; ++i) {
      dialled += crowd.transport->Dial(hub.address, hub.id(), hub.Soon()).ok();
    }
    EXPECT_EQ(dialled, Connections::kMostConnectionsPerPeer);
    EXPECT_EQ(hub.net->Peers().size(), Connections::kMostConnectionsPerPeer);
  });
}

TEST_F(ConnectionsTest, ADrainingNodeRefusesNewConnectionsAndKeepsTheOld) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    SimPeer c(simulation, network);
    ASSERT_TRUE(b.net->Connect(a.info(), b.Soon()).ok());
    a.net->Drain();
    EXPECT_FALSE(c.net->Connect(a.info(), c.Soon()).ok());
    EXPECT_TRUE(b.net->Ping(a.info(), b.Soon()).ok());
  });
}

TEST_F(ConnectionsTest, StopEndsDialsOnTheirWayAtOnce) {
  Run([&] {
    SimPeer a(simulation, network);
    const PeerInfo silent{TestIdentity(77)->peer(), {Address("/ip4/10.9.9.9/tcp/1")}};
    absl::Status status;
    TaskGroup group(a.runtime.tasks(), a.runtime.NewEvent());
    ASSERT_TRUE(group.Start("dial", [&] { status = a.net->Connect(silent, a.Soon()); }).ok());
    Sleep(absl::Milliseconds(100));
    const Time start = a.runtime.Now();
    a.net->Stop();
    group.Join();
    EXPECT_LT(a.runtime.Now() - start, absl::Milliseconds(10));
    EXPECT_FALSE(status.ok());
  });
}

TEST_F(ConnectionsTest, TwoThousandConnectionsWithAnIdleStreamEachHoldNoTask) {
  Run([&] {
    constexpr size_t kPeers = 2000;
    // So near that the first is not idle for too long before the last is there.
    testkit::SimNetwork near(simulation, {.latency = absl::Milliseconds(1)});
    SimPeer hub(simulation, near, {.max_inbound = kPeers});
    const auto served = hub.messenger->Serve(
        "/test/1", 100, [](const Caller&, ByteView) { return std::optional<Bytes>(); });
    ASSERT_TRUE(served.ok());
    std::vector<std::unique_ptr<RawPeer>> peers;
    std::vector<std::unique_ptr<Stream>> streams;
    for (size_t i = 0; i < kPeers; ++i) {
      peers.push_back(std::make_unique<RawPeer>(simulation, near));
      const auto connection = peers.back()->Dial(hub);
      ASSERT_NE(connection, nullptr);
      streams.push_back(*connection->Open("/test/1"));
      RawPeer::Send(*streams.back(), "\x50half a message");
    }
    Sleep(absl::Seconds(1));
    EXPECT_EQ(hub.net->Peers().size(), kPeers);
    EXPECT_EQ(hub.runtime.running(), 0u);
    // And they do not stay for ever.
    Sleep(ServedProtocols::kIdleLimit + Connections::kIdleLimit + 3 * Network::kSweepPeriod);
    EXPECT_TRUE(hub.net->Peers().empty());
    streams.clear();
  });
}

}  // namespace
}  // namespace l2p
