#include "routing_table.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "kad_world.h"

namespace l2p::kademlia {
namespace {

using testkit::TestPeerAt;

// Positions are chosen, not hashed, so that a test names its buckets.
Position At(uint8_t first, uint8_t last = 0) { return {{uint64_t{first} << 56, 0, 0, last}}; }

const Time kStart = absl::FromUnixSeconds(1'700'000'000);

// Contact number `i` in the bucket of positions that share no bit with our own.
Contact Far(uint8_t i, const std::string& ip) { return {TestPeerAt(i, ip), At(0x80, i)}; }

std::string OtherNetwork(size_t i) { return absl::StrCat("5.6.", i, ".1"); }

TEST(RoutingTable, KeepsOldContactsWhenABucketIsFull) {
  RoutingTable table(At(0), {.bucket_size = 3});
  for (uint8_t i = 1; i <= 3; ++i) {
    EXPECT_TRUE(table.Offer(Far(i, OtherNetwork(i)), kStart));
  }
  EXPECT_FALSE(table.Offer(Far(4, OtherNetwork(4)), kStart));
  EXPECT_FALSE(table.Find(TestPeerAt(4, "1.1.1.1").id));
  EXPECT_EQ(table.size(), 3u);
  // A bucket nearer to us has room of its own.
  EXPECT_TRUE(table.Offer({TestPeerAt(5, OtherNetwork(5)), At(0x40)}, kStart));
}

TEST(RoutingTable, ReplacesAContactThatFailedTooOftenByTheLatestSpare) {
  RoutingTable table(At(0), {.bucket_size = 2});
  for (uint8_t i = 1; i <= 4; ++i) table.Offer(Far(i, OtherNetwork(i)), kStart);
  const PeerId failing = TestPeerAt(1, "1.1.1.1").id;
  for (int i = 1; i < RoutingTable::kMostFailures; ++i) table.Failed(failing);
  EXPECT_TRUE(table.Find(failing));
  table.Failed(failing);
  EXPECT_FALSE(table.Find(failing));
  EXPECT_TRUE(table.Find(TestPeerAt(4, "1.1.1.1").id));
  EXPECT_EQ(table.size(), 2u);
}

TEST(RoutingTable, ForgivesFailuresOnceThePeerAnswers) {
  RoutingTable table(At(0), {});
  table.Offer(Far(1, OtherNetwork(1)), kStart);
  const PeerId peer = TestPeerAt(1, "1.1.1.1").id;
  for (int i = 0; i < 10; ++i) {
    table.Failed(peer);
    EXPECT_TRUE(table.Closest(At(0x80), 20, /*good=*/true).empty());
    EXPECT_EQ(table.Closest(At(0x80), 20, /*good=*/false).size(), 1u);
    table.Answered(peer, std::nullopt, kStart);
    EXPECT_EQ(table.Closest(At(0x80), 20, /*good=*/true).size(), 1u);
  }
}

TEST(RoutingTable, TakesTwoOfOneNetworkIntoABucket) {
  RoutingTable table(At(0), {});
  EXPECT_TRUE(table.Offer(Far(1, "5.6.7.1"), kStart));
  EXPECT_TRUE(table.Offer(Far(2, "5.6.7.2"), kStart));
  EXPECT_FALSE(table.Offer(Far(3, "5.6.7.3"), kStart));
  EXPECT_TRUE(table.Offer(Far(4, "5.6.8.3"), kStart));
  // When one of the two goes, the third takes its place.
  table.Remove(TestPeerAt(1, "1.1.1.1").id);
  EXPECT_TRUE(table.Find(TestPeerAt(3, "1.1.1.1").id));
}

TEST(RoutingTable, TakesTenOfOneNetworkInAll) {
  RoutingTable table(At(0), {});
  size_t taken = 0;
  for (uint8_t bucket = 0; bucket < 8; ++bucket) {
    for (uint8_t i = 0; i < 2; ++i) {
      const uint8_t number = static_cast<uint8_t>(2 * bucket + i);
      const Contact contact{TestPeerAt(number, absl::StrCat("5.6.7.", number)),
                            At(static_cast<uint8_t>(0x80 >> bucket), number)};
      if (table.Offer(contact, kStart)) ++taken;
    }
  }
  EXPECT_EQ(taken, RoutingTable::kMostOfNetworkInTable);
}

TEST(RoutingTable, TakesAsManyOfOneWideNetworkAsItIsTold) {
  for (const size_t most : {0, 3}) {
    RoutingTable table(At(0), {.most_of_wide = most});
    for (uint8_t i = 1; i <= 8; ++i) table.Offer(Far(i, absl::StrCat("5.6.", i, ".1")), kStart);
    table.Offer(Far(9, "5.7.1.1"), kStart);
    EXPECT_EQ(table.size(), most == 0 ? 9u : 4u);
    table.Remove(TestPeerAt(1, "1.1.1.1").id);  // Another of its network takes its place.
    EXPECT_EQ(table.size(), most == 0 ? 8u : 4u);
  }
}

// Twenty contacts in one corner of the farthest bucket, and one who comes from another.
struct Corner {
  explicit Corner(RoutingTable& table) {
    for (uint8_t i = 1; i <= 20; ++i) {
      table.Offer(Far(i, OtherNetwork(i)), kStart + absl::Seconds(i));
    }
  }
  const Contact newcomer = {TestPeerAt(30, OtherNetwork(30)), At(0xf8)};
  const PeerId latest = TestPeerAt(20, "1.1.1.1").id;
};

TEST(RoutingTable, SpreadsOverAFullBucketWhileItForms) {
  RoutingTable table(At(0), {});
  const Corner corner(table);
  EXPECT_TRUE(table.Offer(corner.newcomer, kStart + absl::Minutes(1)));
  EXPECT_EQ(table.size(), 20u);
  EXPECT_FALSE(table.Find(corner.latest));
  // It is the first to come back.
  table.Remove(corner.newcomer.peer.id);
  EXPECT_TRUE(table.Find(corner.latest));
}

TEST(RoutingTable, DisplacesNobodyWhoIsThereForLongOrIsKept) {
  RoutingTable old(At(0), {}), kept(At(0), {});
  const Corner corner(old), same(kept);
  for (const PeerInfo& peer : kept.Best(20)) kept.Keep(peer.id);
  EXPECT_FALSE(kept.Offer(corner.newcomer, kStart + absl::Minutes(1)));
  EXPECT_FALSE(old.Offer(corner.newcomer, kStart + absl::Minutes(1) + RoutingTable::kForming));
}

TEST(RoutingTable, EndsSpreadingWhenNoPartIsCrowded) {
  RoutingTable table(At(0), {});
  const auto offer = [&](size_t from, size_t to) {
    size_t taken = 0;
    for (size_t i = from; i < to; ++i) {
      const Position position = {{uint64_t{0x80 | i % 128} << 56 | i, 0, 0, 0}};
      const std::string ip = absl::StrCat("5.", i / 200, ".", i % 200, ".1");
      taken += table.Offer({TestPeerAt(i, ip), position}, kStart) ? 1 : 0;
    }
    return taken;
  };
  EXPECT_GT(offer(0, 400), 20u);
  EXPECT_EQ(table.size(), 20u);
  EXPECT_EQ(offer(400, 1000), 0u);
}

TEST(RoutingTable, CountsPrivateNetworksOnlyWhenToldTo) {
  for (const bool all : {false, true}) {
    RoutingTable table(At(0), {.diversity_all = all});
    for (uint8_t i = 1; i <= 5; ++i) table.Offer(Far(i, absl::StrCat("127.0.0.", i)), kStart);
    EXPECT_EQ(table.size(), all ? 2u : 5u);
  }
}

TEST(RoutingTable, DoesNotLetAContactMoveIntoAFullNetwork) {
  RoutingTable table(At(0), {});
  table.Offer(Far(1, "5.6.7.1"), kStart);
  table.Offer(Far(2, "5.6.7.2"), kStart);
  table.Offer(Far(3, "8.8.8.8"), kStart);
  table.Offer(Far(3, "5.6.7.3"), kStart);
  EXPECT_EQ(*table.Find(TestPeerAt(3, "1.1.1.1").id), TestPeerAt(3, "8.8.8.8"));
}

TEST(RoutingTable, TakesNeitherItselfNorPeersWithoutAddresses) {
  RoutingTable table(At(7), {});
  EXPECT_FALSE(table.Offer({TestPeerAt(1, "5.6.7.8"), At(7)}, kStart));
  EXPECT_FALSE(table.Offer({{TestPeerAt(1, "5.6.7.8").id, {}}, At(0x80)}, kStart));
  EXPECT_EQ(table.size(), 0u);
}

TEST(RoutingTable, GivesTheClosestInOrder) {
  RoutingTable table(At(0), {.bucket_size = 20});
  for (uint8_t i = 1; i <= 20; ++i) table.Offer(Far(i, OtherNetwork(i)), kStart);
  const std::vector<ContactPtr> closest = table.Closest(At(0x80, 5), 4, /*good=*/true);
  ASSERT_EQ(closest.size(), 4u);
  EXPECT_EQ(closest[0]->position, At(0x80, 5));
  EXPECT_EQ(closest[1]->position, At(0x80, 4));
  EXPECT_EQ(closest[2]->position, At(0x80, 7));
  EXPECT_EQ(closest[3]->position, At(0x80, 6));
}

TEST(RoutingTable, HoldsNoMoreThanItsBucketsWhoeverOffers) {
  RoutingTable table(At(0), {.bucket_size = 20});
  for (size_t i = 0; i < 1000; ++i) {
    const Position position = {{uint64_t{0x80} << 56 | i, 0, 0, 0}};
    table.Offer({TestPeerAt(i, absl::StrCat("5.", i / 250, ".", i % 250, ".1")), position}, kStart);
  }
  EXPECT_EQ(table.size(), 20u);
  // And no more spares than contacts: with all contacts gone for good, and then all spares.
  for (size_t round = 0; round < 2; ++round) {
    for (const PeerInfo& peer : table.Best(100)) {
      for (int i = 0; i < RoutingTable::kMostFailures; ++i) table.Failed(peer.id);
    }
  }
  EXPECT_EQ(table.size(), 0u);
}

TEST(RoutingTable, PutsTheLongestKnownFirst) {
  RoutingTable table(At(0), {});
  table.Offer(Far(9, OtherNetwork(1)), kStart);
  table.Offer(Far(1, OtherNetwork(2)), kStart + absl::Seconds(1));
  table.Offer(Far(5, OtherNetwork(3)), kStart + absl::Seconds(2));
  table.Failed(TestPeerAt(9, "1.1.1.1").id);
  const std::vector<PeerInfo> best = table.Best(2);
  ASSERT_EQ(best.size(), 2u);
  EXPECT_EQ(best[0].id, TestPeerAt(1, "1.1.1.1").id);
  EXPECT_EQ(best[1].id, TestPeerAt(5, "1.1.1.1").id);
}

TEST(RoutingTable, LearnsHowFastAPeerAnswers) {
  RoutingTable table(At(0), {});
  table.Offer(Far(1, OtherNetwork(1)), kStart);
  const PeerId peer = TestPeerAt(1, "1.1.1.1").id;
  EXPECT_FALSE(table.RttP90(peer));
  for (int i = 0; i < 100; ++i) table.Answered(peer, absl::Milliseconds(100), kStart);
  EXPECT_GE(*table.RttP90(peer), absl::Milliseconds(100));
  EXPECT_LT(*table.RttP90(peer), absl::Milliseconds(110));
}

TEST(RoutingTable, LetsOneNetworkNotFlushTheReplacementsOfOthers) {
  RoutingTable table(At(0), {.bucket_size = 4});
  for (uint8_t i = 1; i <= 5; ++i) table.Offer(Far(i, OtherNetwork(i)), kStart);
  for (uint8_t i = 10; i < 100; ++i) {
    EXPECT_FALSE(table.Offer(Far(i, absl::StrCat("9.9.9.", i)), kStart));
  }
  for (uint8_t i = 1; i <= 3; ++i) table.Remove(TestPeerAt(i, "1.1.1.1").id);
  EXPECT_TRUE(table.Find(TestPeerAt(5, "1.1.1.1").id));
}

TEST(RoutingTable, AsksContactsThatAreDoubtedOrSilent) {
  RoutingTable table(At(0), {});
  for (uint8_t i = 1; i <= 3; ++i) table.Offer(Far(i, OtherNetwork(i)), kStart);
  EXPECT_TRUE(table.Doubtful(kStart).empty());
  EXPECT_FALSE(table.HasDoubts());
  table.Doubt(TestPeerAt(2, "1.1.1.1").id);
  EXPECT_TRUE(table.HasDoubts());
  EXPECT_EQ(table.Doubtful(kStart).size(), 1u);
  // A doubted contact is still told to others: it may only be slow.
  EXPECT_EQ(table.Closest(At(0x80), 20, /*good=*/true).size(), 3u);
  table.Answered(TestPeerAt(2, "1.1.1.1").id, std::nullopt, kStart + absl::Minutes(1));
  EXPECT_FALSE(table.HasDoubts());
  EXPECT_EQ(table.Doubtful(kStart + table.CheckPeriod()).size(), 2u);
}

TEST(RoutingTable, AsksRarelyWhereAllStayAndOftenWhereManyGo) {
  const RoutingTable::Options options;
  RoutingTable table(At(0), options);
  EXPECT_EQ(table.CheckPeriod(), options.first_check);
  for (uint8_t i = 1; i <= 20; ++i) table.Offer(Far(i, OtherNetwork(i)), kStart);
  for (int hour = 1; hour <= 24; ++hour) {
    for (uint8_t i = 1; i <= 20; ++i) {
      table.Answered(Far(i, "1.1.1.1").peer.id, std::nullopt, kStart + absl::Hours(hour));
    }
  }
  EXPECT_EQ(table.CheckPeriod(), options.most_check);
  for (uint8_t i = 1; i <= 20; ++i) table.Failed(Far(i, "1.1.1.1").peer.id);
  EXPECT_LT(table.CheckPeriod(), absl::Hours(1));
}

}  // namespace
}  // namespace l2p::kademlia
