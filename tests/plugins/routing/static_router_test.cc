// What StaticRouter does beyond its kind's contract.
#include "routing/static/static_router.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "kad_world.h"

namespace l2p::testkit {
namespace {

constexpr Duration kLong = absl::Minutes(1);

// A node with a StaticRouter, number 0, and another without, whose messenger the test answers by.
class StaticRouterTest : public ::testing::Test {
 protected:
  void Run(const std::function<void(StaticRouter& router, Time deadline)>& body) {
    simulation_.Run([&] {
      SimNetwork network(simulation_);
      SimMessengers messengers(network);
      network.AddNode();
      network.AddNode();
      MemoryDisk disks[2];
      SimRuntime runtime(simulation_, disks[0], "node");
      SimRuntime other_runtime(simulation_, disks[1], "other");
      const std::unique_ptr<Host> host = KadHosts()(runtime, 0);
      const auto messenger = messengers.New(0, runtime, TestPeer(0));
      other_ = messengers.New(1, other_runtime, TestPeer(1));
      StaticRouter router(
          *host, {.peers = {configured_, TestPeerAt(0, "1.1.1.1")}, .most_peers = kMostPeers});
      std::unique_ptr<Registration> served;
      if (!list_.empty()) {
        served = *other_->Serve(StaticRouter::kProtocol, 256, [this](const Caller&, ByteView) {
          ++requests_;
          return Bytes::Copy(list_);
        });
      }
      ASSERT_TRUE(router.Start(*messenger, {{other_->Self()}}).ok());
      simulation_.Sleep(absl::Seconds(5));
      body(router, simulation_.Now() + kLong);
      router.Stop();
      served.reset();
      other_.reset();
    });
  }

  static constexpr size_t kMostPeers = 8;
  Simulation simulation_{1};
  const PeerInfo configured_ = TestPeerAt(1000, "1.2.3.4");
  std::unique_ptr<SimMessenger> other_;
  std::string list_;  // What the other answers to everything.
  int requests_ = 0;
};

TEST_F(StaticRouterTest, KnowsThePeersItWasToldOfButNotItself) {
  Run([this](StaticRouter& router, Time deadline) {
    EXPECT_EQ(router.Known(10).size(), 2u);
    EXPECT_EQ(*router.FindPeer(configured_.id, deadline), configured_);
    EXPECT_TRUE(absl::IsNotFound(router.FindPeer(TestPeer(0), deadline).status()));
  });
}

TEST_F(StaticRouterTest, SaysThatNobodyAnswersInsteadOfShowingAnEmptyNetwork) {
  Run([](StaticRouter& router, Time deadline) {
    EXPECT_FALSE(router.ClosestPeers(TestKey(1), 10, deadline).ok());
  });
}

TEST_F(StaticRouterTest, PutsNobodyOnItsListWhoWasOnlyNamed) {
  list_ =
      absl::StrCat(TestPeerAt(7, "1.2.3.7").addresses[0].WithPeer(TestPeer(7)).ToString(), "\n");
  Run([this](StaticRouter& router, Time deadline) {
    EXPECT_GT(requests_, 0);
    EXPECT_TRUE(absl::IsNotFound(router.FindPeer(TestPeer(7), deadline).status()));
  });
}

TEST_F(StaticRouterTest, SurvivesAListThatIsNone) {
  list_ = "\n\n/ip4/1.2.3.4/tcp/1\n/p2p/\xff\n/ip4/300.1.1.1\nx" + std::string(100'000, 'y');
  Run([this](StaticRouter& router, Time deadline) {
    EXPECT_GT(requests_, 0);
    EXPECT_EQ(router.Known(10).size(), 2u);
    const auto query = router.FindProviders(TestKey(1), 10, deadline);
    ASSERT_TRUE(query.ok());
    const auto next = (*query)->Next(deadline);
    ASSERT_TRUE(next.ok()) << next.status();
    EXPECT_FALSE(next->has_value());
  });
}

TEST_F(StaticRouterTest, AsksNoMorePeersThanItsListMayHold) {
  for (uint64_t i = 100; i < 200; ++i) {
    absl::StrAppend(&list_, "/ip4/10.0.0.", i, "/tcp/4422/p2p/", TestPeer(i).ToString(), "\n");
  }
  Run([this](StaticRouter& router, Time deadline) {
    EXPECT_GT(requests_, 0);
    const Time before = simulation_.Now();
    EXPECT_EQ(router.ClosestPeers(TestKey(1), 100, deadline)->size(), 1u);
    EXPECT_LE(simulation_.Now() - before, StaticRouter::kRequestLimit + absl::Seconds(1));
    EXPECT_LE(router.Known(100).size(), kMostPeers);
  });
}

TEST_F(StaticRouterTest, KeepsNoMorePeersThanItsListMayHold) {
  simulation_.Run([&] {
    MemoryDisk disk;
    SimRuntime runtime(simulation_, disk, "node");
    const std::unique_ptr<Host> host = KadHosts()(runtime, 0);
    std::vector<PeerInfo> peers;
    for (uint64_t i = 1; i <= kMostPeers + 1; ++i) peers.push_back(TestPeerAt(i, "1.2.3.4"));
    StaticRouter router(*host, {.peers = peers, .most_peers = kMostPeers});
    EXPECT_EQ(router.Known(100).size(), kMostPeers);
  });
}

}  // namespace
}  // namespace l2p::testkit
