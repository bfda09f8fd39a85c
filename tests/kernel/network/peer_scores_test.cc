#include "kernel/network/peer_scores.h"

#include <gtest/gtest.h>

#include "kernel/content/shares.h"
#include "tests/kernel/content/content_world.h"

namespace l2p {
namespace {

State& Table(Runtime& runtime) { return **runtime.OpenState("kernel"); }

TEST(PeerScores, ShunAPeerThatSendsWrongBytesUntilThatHasFaded) {
  InWorld([](testkit::SimRuntime& runtime) {
    PeerScores scores(runtime, Table(runtime));
    EXPECT_EQ(scores.Score(TestPeer(1)), 0);
    scores.Note(TestPeer(1), Conduct::kWrongBytes);
    EXPECT_TRUE(scores.Shuns(TestPeer(1)));
    EXPECT_FALSE(scores.Shuns(TestPeer(2)));
    runtime.simulation().Sleep(PeerScores::kHalfLife);
    EXPECT_NEAR(scores.Score(TestPeer(1)), -30, 0.01);
    EXPECT_FALSE(scores.Shuns(TestPeer(1)));
    EXPECT_EQ(scores.Find(TestPeer(1)).wrong, 1u);
  });
}

TEST(PeerScores, GiveNobodyTheRightToCheat) {
  InWorld([](testkit::SimRuntime& runtime) {
    PeerScores scores(runtime, Table(runtime));
    scores.Note(TestPeer(1), Conduct::kServed, uint64_t{1} << 40);
    EXPECT_EQ(scores.Score(TestPeer(1)), PeerScores::kBest);
    scores.Note(TestPeer(1), Conduct::kWrongBytes);
    scores.Note(TestPeer(1), Conduct::kWrongBytes);
    EXPECT_TRUE(scores.Shuns(TestPeer(1)));
    for (int i = 0; i < 100; ++i) scores.Note(TestPeer(1), Conduct::kWrongBytes);
    EXPECT_EQ(scores.Score(TestPeer(1)), PeerScores::kWorst);
  });
}

TEST(PeerScores, NeverShunWhoIsOnlyFullOrAway) {
  InWorld([](testkit::SimRuntime& runtime) {
    PeerScores scores(runtime, Table(runtime));
    for (int i = 0; i < 1000; ++i) {
      scores.Note(TestPeer(1), Conduct::kRefused);
      scores.Note(TestPeer(2), Conduct::kTimedOut);
    }
    EXPECT_LT(scores.Score(TestPeer(1)), 0);
    EXPECT_FALSE(scores.Shuns(TestPeer(1)));
    EXPECT_FALSE(scores.Shuns(TestPeer(2)));
    // What is below for worse reasons is not lifted by it.
    scores.Note(TestPeer(3), Conduct::kWrongBytes);
    scores.Note(TestPeer(3), Conduct::kTimedOut);
    EXPECT_TRUE(scores.Shuns(TestPeer(3)));
  });
}

TEST(PeerScores, AreKeptAcrossARestart) {
  InWorld([](testkit::SimRuntime& runtime) {
    PeerScores before(runtime, Table(runtime));
    before.Note(TestPeer(1), Conduct::kAuditFailed);
    before.Note(TestPeer(2), Conduct::kServed, 5 << 20);
    ASSERT_TRUE(before.Save().ok());
    PeerScores after(runtime, Table(runtime));
    ASSERT_TRUE(after.Load().ok());
    EXPECT_NEAR(after.Score(TestPeer(1)), -30, 0.01);
    EXPECT_EQ(after.Find(TestPeer(1)).audits_failed, 1u);
    EXPECT_NEAR(after.Score(TestPeer(2)), 5, 0.01);
    EXPECT_EQ(after.Find(TestPeer(2)).served_bytes, 5u << 20);
  });
}

TEST(PeerScores, ForgetThoseOfLeastInterestAtTheirCap) {
  InWorld([](testkit::SimRuntime& runtime) {
    PeerScores scores(runtime, Table(runtime));
    scores.Note(TestPeer(1), Conduct::kWrongBytes);
    for (size_t i = 0; i < PeerScores::kMostPeers + 50; ++i) {
      std::string key("\x08\x01\x12\x20", 4);
      key += TestStream(static_cast<uint32_t>(i + 1), 32);
      scores.Note(*PeerId::OfPublicKey(AsBytes(key)), Conduct::kServed, 1000);
    }
    EXPECT_EQ(scores.All().size(), PeerScores::kMostPeers);
    EXPECT_TRUE(scores.Shuns(TestPeer(1)));
    ASSERT_TRUE(scores.Save().ok());
  });
}

TEST(PublicNetworkOf, IsTheSlash24OfAPublicAddress) {
  const auto of = [](const char* address) {
    return PublicNetworkOf(*Multiaddr::FromString(address));
  };
  EXPECT_EQ(of("/ip4/8.8.4.4/tcp/1"), "8.8.4.0/24");
  EXPECT_EQ(of("/ip4/8.8.4.255/tcp/2"), "8.8.4.0/24");
  EXPECT_EQ(of("/ip6/2600:1f18:abc:1::5/tcp/1"), "2600:1f18:abc::/48");
  EXPECT_EQ(of("/ip4/10.0.0.1/tcp/1"), "");
  EXPECT_EQ(of("/ip4/127.0.0.1/tcp/1"), "");
}

}  // namespace
}  // namespace l2p
