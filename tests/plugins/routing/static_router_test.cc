#include "routing/static/static_router.h"

#include <gtest/gtest.h>

#include "kad_world.h"

namespace l2p::testkit {
namespace {

constexpr Duration kLong = absl::Minutes(1);

// Two nodes with a static router; number 0 knows peer 1000 by setting, and node 1.
class StaticRouterTest : public ::testing::Test {
 protected:
  void Run(const std::function<void(StaticRouter& router, Time deadline)>& body) {
    Simulation simulation(1);
    simulation.Run([&] {
      SimNetwork network(simulation);
      SimMessengers messengers(network);
      network.AddNode();
      MemoryDisk disk;
      SimRuntime runtime(simulation, disk, "node");
      const std::unique_ptr<Host> host = KadHosts()(runtime, 0);
      const auto messenger = messengers.New(0, runtime, TestPeer(0));
      StaticRouter router(*host, {configured_, TestPeerAt(0, "1.1.1.1")});
      ASSERT_TRUE(router.Start(*messenger, {{known_}}).ok());
      body(router, simulation.Now() + kLong);
      router.Stop();
    });
  }

  const PeerInfo configured_ = TestPeerAt(1000, "1.2.3.4");
  const PeerInfo known_ = TestPeerAt(1, "5.6.7.8");
};

TEST_F(StaticRouterTest, KnowsThePeersItWasToldOfButNotItself) {
  Run([this](StaticRouter& router, Time deadline) {
    EXPECT_EQ(router.Known(10).size(), 2u);
    EXPECT_EQ(*router.FindPeer(configured_.id, deadline), configured_);
    EXPECT_TRUE(absl::IsNotFound(router.FindPeer(TestPeer(0), deadline).status()));
  });
}

TEST_F(StaticRouterTest, OrdersPeersByTheirDistanceToTheKey) {
  Run([](StaticRouter& router, Time deadline) {
    for (uint64_t i = 0; i < 10; ++i) {
      const Multihash key = TestKey(i);
      const auto closest = router.ClosestPeers(key, 10, deadline);
      ASSERT_TRUE(closest.ok());
      ASSERT_EQ(closest->size(), 2u);
      const auto distance = [&](const PeerInfo& peer) {
        return kademlia::Distance(kademlia::PositionOf(TestCrypto(), key.binary()),
                                  kademlia::PositionOf(TestCrypto(), peer.id.binary()));
      };
      EXPECT_LT(distance((*closest)[0]), distance((*closest)[1]));
      EXPECT_EQ(router.ClosestPeers(key, 1, deadline)->front(), closest->front());
    }
  });
}

TEST_F(StaticRouterTest, TakesEverybodyForAPossibleProvider) {
  Run([](StaticRouter& router, Time deadline) {
    ASSERT_TRUE(router.Provide({{TestKey(1)}}, deadline).ok());
    const auto query = router.FindProviders(TestKey(1), 10, deadline);
    ASSERT_TRUE(query.ok());
    EXPECT_TRUE((*query)->Next(deadline)->has_value());
    EXPECT_TRUE((*query)->Next(deadline)->has_value());
    EXPECT_FALSE((*query)->Next(deadline)->has_value());
  });
}

}  // namespace
}  // namespace l2p::testkit
