#include "ended_groups.h"

#include <gtest/gtest.h>

#include "keeper_party.h"

namespace l2p::keeper {
namespace {

const Time kNow = absl::FromUnixSeconds(1'700'000'000);
const Time kLater = kNow + absl::Hours(1);

TEST(EndedGroups, AreThoseWhoseLeaseWasNotOver) {
  EndedGroups ended;
  ended.Hold(GroupOf(1), absl::InfiniteFuture());
  ended.Hold(GroupOf(2), kNow);
  for (uint32_t group : {1, 2, 3}) ended.Drop(GroupOf(group), kLater);
  EXPECT_TRUE(ended.Contains(GroupOf(1), kLater));
  EXPECT_FALSE(ended.Contains(GroupOf(2), kLater));
  EXPECT_FALSE(ended.Contains(GroupOf(3), kLater));
}

TEST(EndedGroups, AreRememberedUntilTheLeaseOfAnyOtherHolderIsOver) {
  EndedGroups ended;
  ended.Hold(GroupOf(1), absl::InfiniteFuture());
  ended.Hold(GroupOf(2), kLater);
  for (uint32_t group : {1, 2}) ended.Drop(GroupOf(group), kNow);
  EXPECT_TRUE(ended.Contains(GroupOf(2), kNow));
  EXPECT_FALSE(ended.Contains(GroupOf(2), kLater));
  EXPECT_TRUE(ended.Contains(GroupOf(1), kNow + absl::Hours(24 * 1000)));
}

TEST(EndedGroups, AreKnownAfterARestart) {
  WithParties(1, [](auto& parties, auto&, auto&) {
    State& state = **parties[0]->host.state();
    EndedGroups before;
    before.Hold(GroupOf(1), absl::InfiniteFuture());
    before.Hold(GroupOf(2), kLater);
    before.Hold(GroupOf(3), absl::InfiniteFuture());
    for (uint32_t group : {1, 2, 3}) before.Drop(GroupOf(group), kNow);
    ASSERT_TRUE(before.Save(state, kNow).ok());
    before.Hold(GroupOf(3), absl::InfiniteFuture());
    ASSERT_TRUE(before.Save(state, kNow).ok());
    EndedGroups after;
    ASSERT_TRUE(after.Load(state).ok());
    EXPECT_EQ(after.size(), 2u);
    EXPECT_TRUE(after.Contains(GroupOf(1), kLater));
    EXPECT_TRUE(after.Contains(GroupOf(2), kNow));
    EXPECT_FALSE(after.Contains(GroupOf(2), kLater));
    ASSERT_TRUE(after.Save(state, kLater).ok());
    EndedGroups later;
    ASSERT_TRUE(later.Load(state).ok());
    EXPECT_EQ(later.size(), 1u);
  });
}

TEST(EndedGroups, DoNotIncludeWhatIsHeldAgain) {
  EndedGroups ended;
  ended.Hold(GroupOf(1), absl::InfiniteFuture());
  ended.Drop(GroupOf(1), kNow);
  ended.Hold(GroupOf(1), absl::InfiniteFuture());
  EXPECT_FALSE(ended.Contains(GroupOf(1), kNow));
}

TEST(EndedGroups, KeepTheirCap) {
  EndedGroups ended;
  for (uint32_t group = 0; group < EndedGroups::kMost + 100; ++group) {
    ended.Hold(GroupOf(group), absl::InfiniteFuture());
    ended.Drop(GroupOf(group), kNow);
  }
  EXPECT_EQ(ended.size(), EndedGroups::kMost);
  // The oldest make room.
  ended.Hold(GroupOf(1 << 20), absl::InfiniteFuture());
  ended.Drop(GroupOf(1 << 20), kLater);
  EXPECT_EQ(ended.size(), EndedGroups::kMost);
  EXPECT_TRUE(ended.Contains(GroupOf(1 << 20), kLater));
}

}  // namespace
}  // namespace l2p::keeper
