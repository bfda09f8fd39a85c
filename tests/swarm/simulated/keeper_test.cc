// What the keeper promises, with whole nodes in virtual time.
#include <gmock/gmock.h>

#include "l2p/testkit/conformance.h"
#include "tests/swarm/simulated/keeper_world.h"

namespace l2p {
namespace {

using testkit::TestBytes;

constexpr size_t kOwner = 0;  // The node to bootstrap from; it is killed in no test.
const Redundancy kCoded = Redundancy::ReedSolomon(2, 6);  // Repaired at 2 + 4 * 5/8 = 4.
const Redundancy kCopied = Redundancy::Copies(3);         // Repaired at 2.

// Longer than a grace, two takeovers and the repair.
constexpr Duration kLong = absl::Hours(3);

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

}  // namespace
}  // namespace l2p
