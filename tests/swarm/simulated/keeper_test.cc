// What the keeper promises, with whole nodes in virtual time.
#include <gmock/gmock.h>

#include <cstdio>

#include "l2p/testkit/conformance.h"
#include "tests/swarm/simulated/keeper_world.h"

namespace l2p {
namespace {

using testkit::TestBytes;

constexpr size_t kOwner = 0;  // The node to bootstrap from; it is killed in no test.
const Redundancy kCoded = Redundancy::ReedSolomon(2, 6);  // Repaired at 2 + 4 * 5/8 = 4.
const Redundancy kCopied = Redundancy::Copies(3);         // Repaired at 2.

// Longer than a grace, two takeovers and the repair.
constexpr Duration kLong = absl::Hours(6);

TEST(Keeper, RebuildsWhatKilledHoldersHadByExactlyOneMember) {
  KeeperWorld world({});
  world.swarm().Run([&] {
    const auto kept = world.Put(kOwner, TestBytes(1, 200'000), kCoded);
    world.Sleep(absl::Minutes(15));
    world.Kill(kept.holders[1]);
    world.Kill(kept.holders[4]);
    EXPECT_EQ(world.LivePieces(kept), 4u);
    world.Sleep(kLong);
    EXPECT_EQ(world.LivePieces(kept), 6u);
    EXPECT_EQ(world.Total("repairs_total"), 1);
    EXPECT_EQ(world.Read(kept), kept.content);
  });
}

TEST(Keeper, CopiesAWholeGroupAgain) {
  KeeperWorld world({});
  world.swarm().Run([&] {
    const auto kept = world.Put(kOwner, TestBytes(1, 100'000), kCopied);
    world.Sleep(absl::Minutes(15));
    world.Kill(kept.holders[0]);
    world.Sleep(kLong);
    EXPECT_EQ(world.LivePieces(kept), 3u);
    EXPECT_EQ(world.Total("repairs_total"), 1);
    EXPECT_EQ(world.Read(kept), kept.content);
  });
}

TEST(Keeper, LetsAGroupAboveItsThresholdAlone) {
  KeeperWorld world({});
  world.swarm().Run([&] {
    const auto kept = world.Put(kOwner, TestBytes(1, 200'000), kCoded);
    world.Sleep(absl::Minutes(15));
    world.Kill(kept.holders[1]);
    world.Sleep(kLong);
    EXPECT_EQ(world.LivePieces(kept), 5u);
    EXPECT_EQ(world.Total("repairs_total"), 0);
  });
}

TEST(Keeper, CountsAReturningHolderAgain) {
  KeeperWorld world({});
  world.swarm().Run([&] {
    const auto kept = world.Put(kOwner, TestBytes(1, 200'000), kCoded);
    world.Sleep(absl::Minutes(15));
    world.Kill(kept.holders[1]);
    world.Sleep(kLong);  // Gone for the others: five are left.
    world.Start(kept.holders[1]);
    world.Sleep(absl::Minutes(30));
    world.Kill(kept.holders[2]);
    world.Sleep(kLong);
    EXPECT_EQ(world.LivePieces(kept), 5u);
    EXPECT_EQ(world.Total("repairs_total"), 0);
  });
}

TEST(Keeper, RepairsNothingForAShortAbsence) {
  KeeperWorld world({});
  world.swarm().Run([&] {
    const auto kept = world.Put(kOwner, TestBytes(1, 200'000), kCoded);
    world.Sleep(absl::Minutes(15));
    for (const size_t p : {1, 3}) world.Kill(kept.holders[p]);
    world.Sleep(absl::Minutes(40));
    for (const size_t p : {1, 3}) world.Start(kept.holders[p]);
    world.Sleep(kLong);
    EXPECT_EQ(world.LivePieces(kept), 6u);
    EXPECT_EQ(world.Total("repairs_total"), 0);
  });
}

TEST(Keeper, TakesOverWhenTheFirstInOrderHangs) {
  KeeperWorld world({});
  world.swarm().Run([&] {
    const auto kept = world.Put(kOwner, TestBytes(1, 200'000), kCoded);
    world.Sleep(absl::Minutes(15));
    // Holders are chosen in the group's order: place 0 comes first.
    world.swarm().Freeze(kept.holders[0]);
    world.Kill(kept.holders[1]);
    world.Sleep(kLong);
    EXPECT_EQ(world.Total("repairs_total"), 1);
    world.swarm().Thaw(kept.holders[0]);
    world.Sleep(kLong);
    EXPECT_EQ(world.Total("repairs_total"), 1);
    EXPECT_EQ(world.LivePieces(kept), 6u);
  });
}

TEST(Keeper, MovesNothingWhileTooFewPiecesAreWithinReach) {
  KeeperWorld world({});
  world.swarm().Run([&] {
    const auto kept = world.Put(kOwner, TestBytes(1, 200'000), kCoded);
    world.Sleep(absl::Minutes(15));
    for (size_t place = 1; place < 6; ++place) world.Kill(kept.holders[place]);
    world.Sleep(2 * kLong);
    EXPECT_EQ(world.Total("repair_pushed_bytes_total"), 0);
    EXPECT_EQ(world.Total("repair_fetched_bytes_total"), 0);
    for (size_t place = 1; place < 6; ++place) world.Start(kept.holders[place]);
    world.Sleep(kLong);
    EXPECT_EQ(world.LivePieces(kept), 6u);
    EXPECT_EQ(world.Read(kept), kept.content);
  });
}

TEST(Keeper, NeedsNoOwner) {
  KeeperWorld world({});
  world.swarm().Run([&] {
    const auto kept = world.Put(5, TestBytes(1, 200'000), kCoded);
    world.Kill(5);
    world.Sleep(absl::Minutes(15));
    size_t killed = 0;
    for (const size_t holder : kept.holders) {
      if (holder != kOwner && killed < 3) killed += (world.Kill(holder), 1);
    }
    world.Sleep(kLong);
    EXPECT_EQ(world.Read(kept), kept.content);
    // One whose absence was noticed last may still have counted.
    EXPECT_GE(world.LivePieces(kept), 5u);
  });
}

TEST(Keeper, LeavesTheOwnerInChargeOfWhatItBringsToNewHolders) {
  KeeperWorld world({});
  world.swarm().Run([&] {
    Content::PutOptions how = SimSwarm::SmallChunks();
    how.redundancy = "rs:2/6";
    how.lease = "9h";
    const auto put = world.swarm().Put(kOwner, TestBytes(1, 200'000), how);
    ASSERT_TRUE(put.ok()) << put.status();
    const auto pieces = [&] {
      return world.PiecesOf(put->id.hash(), [](size_t i) { return i != kOwner; }).there;
    };
    world.Sleep(absl::Minutes(15));
    size_t killed = 0;
    for (size_t i = 1; i < world.swarm().size() && killed < 2; ++i) {
      if (world.NodeAt(i).groups().Find(put->id.hash()).ok()) killed += (world.Kill(i), 1);
    }
    world.Sleep(kLong);
    EXPECT_EQ(pieces(), 6u);
    // Long after the lease that the repaired ones were begun with.
    world.Sleep(absl::Hours(24));
    EXPECT_EQ(pieces(), 6u);
    EXPECT_EQ(world.Total("repairs_total"), 1);
    ASSERT_TRUE(world.swarm().node(kOwner).content().Remove(put->id.ToString()).ok());
    world.Sleep(absl::Minutes(5));
    EXPECT_EQ(pieces(), 0u);
  });
}

TEST(Keeper, DoesNotMakeAgainWhatWasRemovedWhileItsHolderWasAway) {
  constexpr size_t kRemover = 5;
  KeeperWorld world({});
  world.swarm().Run([&] {
    Content::PutOptions how = SimSwarm::SmallChunks();
    how.redundancy = "rs:2/6";
    const auto put = world.swarm().Put(kRemover, TestBytes(1, 200'000), how);
    ASSERT_TRUE(put.ok()) << put.status();
    const auto holds = [&](size_t i) {
      return i != kRemover && world.NodeAt(i).groups().Find(put->id.hash()).ok();
    };
    world.Sleep(absl::Minutes(15));
    std::vector<size_t> away;
    for (size_t i = 1; i < world.swarm().size() && away.size() < 3; ++i) {
      if (holds(i)) away.push_back(i);
    }
    for (const size_t i : away) world.Stop(i);
    ASSERT_TRUE(world.swarm().node(kRemover).content().Remove(put->id.ToString()).ok());
    world.Sleep(absl::Minutes(20));
    // Its owner cannot tell those who come back; all others know.
    world.Stop(kRemover);
    for (const size_t i : away) world.Start(i);
    world.Sleep(2 * kLong);
    EXPECT_EQ(world.Total("repairs_total"), 0);
    EXPECT_EQ(world.Total("repair_pushed_bytes_total"), 0);
    EXPECT_EQ(world.Total("repair_fetched_bytes_total"), 0);
    world.Start(kRemover);
    world.Sleep(absl::Hours(6));
    for (size_t i = 0; i < world.swarm().size(); ++i) EXPECT_FALSE(holds(i)) << i;
  });
}

TEST(Keeper, MakesNoNewCopyOfWhatWasRemovedDaysAgoThoughAllOthersWereRestarted) {
  constexpr size_t kRemover = 5;
  KeeperWorld world({});
  world.swarm().Run([&] {
    Content::PutOptions how = SimSwarm::SmallChunks();
    how.redundancy = "copies:3";
    const auto put = world.swarm().Put(kRemover, TestBytes(1, 10'000), how);
    ASSERT_TRUE(put.ok()) << put.status();
    const auto holders = [&] {
      std::vector<size_t> holders;
      for (size_t i = 0; i < world.swarm().size(); ++i) {
        if (i == kRemover || !world.swarm().runs(i)) continue;
        if (world.NodeAt(i).groups().Find(put->id.hash()).ok()) holders.push_back(i);
      }
      return holders;
    };
    world.Sleep(absl::Minutes(15));
    ASSERT_EQ(holders().size(), 3u);
    const size_t away = holders().back();
    world.Stop(away);
    ASSERT_TRUE(world.swarm().node(kRemover).content().Remove(put->id.ToString()).ok());
    world.Sleep(absl::Minutes(20));
    EXPECT_THAT(holders(), testing::IsEmpty());
    world.Stop(kRemover);
    for (size_t i = 0; i < world.swarm().size(); ++i) {
      if (world.swarm().runs(i)) world.Stop(i), world.Start(i);
    }
    world.Sleep(absl::Hours(24 * 8));  // Longer than the owner would tell of it.
    world.Start(away);
    world.Sleep(2 * kLong);
    EXPECT_THAT(holders(), testing::ElementsAre(away));
    EXPECT_EQ(world.Total("repairs_total"), 0);
    EXPECT_EQ(world.Total("repair_pushed_bytes_total"), 0);
  });
}

TEST(Keeper, KnowsItsFellowsAfterARestartOfAll) {
  KeeperWorld world({});
  world.swarm().Run([&] {
    const auto kept = world.Put(kOwner, TestBytes(1, 200'000), kCoded);
    world.Sleep(absl::Minutes(15));
    world.Kill(kept.holders[1]);
    world.Kill(kept.holders[4]);
    world.Sleep(kLong);
    for (size_t i = 0; i < world.swarm().size(); ++i) {
      if (world.swarm().runs(i)) world.Stop(i), world.Start(i);
    }
    world.Sleep(absl::Minutes(15));
    const std::vector<size_t> holders = world.HoldersOf(kept);
    ASSERT_EQ(holders.size(), 6u);
    world.Kill(holders[4]);
    world.Kill(holders[5]);
    world.Sleep(kLong);
    EXPECT_EQ(world.LivePieces(kept), 6u);
    EXPECT_EQ(world.Read(kept), kept.content);
  });
}

TEST(Health, TellsOnAnyNodeHowManyPiecesAreLeft) {
  KeeperWorld world({});
  world.swarm().Run([&] {
    const auto kept = world.Put(kOwner, TestBytes(1, 200'000), kCoded);
    world.Sleep(absl::Minutes(15));
    const auto check = [&](size_t i) {
      const absl::StatusOr<Health> health = world.swarm().node(i).CheckHealth(kept.root);
      EXPECT_TRUE(health.ok()) << health.status();
      EXPECT_EQ(health->groups.size(), 1u);
      EXPECT_EQ(health->verdict, health->groups[0].verdict);
      return health->groups[0];
    };
    const Health::GroupHealth at_first = check(kOwner);
    EXPECT_EQ(at_first.verdict, Health::Verdict::kHealthy);
    EXPECT_EQ(at_first.redundancy, "rs:2/6");
    EXPECT_EQ(at_first.live, 6u);
    EXPECT_EQ(at_first.holders, 6u);
    EXPECT_EQ(at_first.margin(), 4u);
    EXPECT_GT(at_first.networks, 0u);
    // A holder cannot ask itself: the others tell of it.
    EXPECT_EQ(check(kept.holders[5]).live, 6u);

    for (const size_t p : {0, 1}) world.Kill(kept.holders[p]);
    const Health::GroupHealth degraded = check(kOwner);
    EXPECT_EQ(degraded.verdict, Health::Verdict::kDegraded);
    EXPECT_EQ(degraded.live, 4u);
    for (const size_t p : {2, 3, 4}) world.Kill(kept.holders[p]);
    const Health::GroupHealth lost = check(kOwner);
    EXPECT_EQ(lost.verdict, Health::Verdict::kLost);
    EXPECT_EQ(lost.why, "1 of 2 pieces");
    world.Kill(kept.holders[5]);
    EXPECT_EQ(check(kOwner).verdict, Health::Verdict::kLost);
  });
}

TEST(Health, CountsCopies) {
  KeeperWorld world({});
  world.swarm().Run([&] {
    const auto kept = world.Put(kOwner, TestBytes(1, 50'000), kCopied);
    world.Sleep(absl::Minutes(15));
    EXPECT_EQ(world.swarm().node(kOwner).CheckHealth(kept.root)->verdict,
              Health::Verdict::kHealthy);
    world.Kill(kept.holders[0]);
    const Health health = *world.swarm().node(kOwner).CheckHealth(kept.root);
    EXPECT_EQ(health.verdict, Health::Verdict::kDegraded);
    EXPECT_EQ(health.groups[0].live, 2u);
  });
}

// A19: thirty in a hundred nodes leave for ten minutes, twenty times. Between two of these times
// holders of the first object die for good, one now and one later, if `deaths`. What repairs moved.
int64_t RepairTraffic(bool outages, bool deaths) {
  constexpr size_t kNodes = 20;
  int64_t moved = 0;
  KeeperWorld world({.nodes = kNodes, .seed = 3});
  world.swarm().Run([&] {
    std::vector<KeeperWorld::Kept> objects;
    for (int i = 0; i < 5; ++i) {
      objects.push_back(world.Put(kOwner, TestBytes(i, 100'000), kCoded));
    }
    world.Sleep(absl::Minutes(15));
    for (size_t round = 0; round < 20; ++round) {
      if (deaths && round == 5) world.Kill(objects[0].holders[1]);
      if (deaths && round == 12) world.Kill(objects[0].holders[4]);
      std::vector<size_t> away;
      for (size_t i = 0; i < 6; ++i) {
        const size_t node = 1 + (7 * round + 3 * i) % (kNodes - 1);
        if (outages && world.swarm().runs(node)) away.push_back(node);
      }
      for (const size_t i : away) world.Kill(i);
      world.Sleep(absl::Minutes(10));
      for (const size_t i : away) world.Start(i);
      world.Sleep(absl::Minutes(10));
    }
    world.Sleep(kLong);
    moved = world.Total("repair_pushed_bytes_total") + world.Total("repair_fetched_bytes_total");
    for (const auto& kept : objects) {
      EXPECT_GE(world.LivePieces(kept), deaths ? 5u : 6u);
      EXPECT_EQ(world.Read(kept), kept.content);
    }
  });
  return moved;
}

// An oracle that knows who comes back moves nothing at all, and 1.5 times that is nothing.
TEST(Keeper, MovesNothingForNodesThatComeBack) {
  EXPECT_EQ(RepairTraffic(/*outages=*/true, /*deaths=*/false), 0);
}

// Here the oracle has something to do: what is moved when all absences are deaths.
TEST(Keeper, MovesLittleMoreForTheDeadWhenOthersLeaveAndComeBack) {
  const int64_t oracle = RepairTraffic(/*outages=*/false, /*deaths=*/true);
  const int64_t moved = RepairTraffic(/*outages=*/true, /*deaths=*/true);
  std::printf("repairs moved %lld bytes, those of an oracle %lld\n", static_cast<long long>(moved),
              static_cast<long long>(oracle));
  EXPECT_GT(oracle, 0);
  EXPECT_LE(2 * moved, 3 * oracle);
}

}  // namespace
}  // namespace l2p
