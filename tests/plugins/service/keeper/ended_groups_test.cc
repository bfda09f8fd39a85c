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
  EXPECT_FALSE(ended.Contains(GroupOf(1), kLater + EndedGroups::kRemembered));
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
  ended.Drop(GroupOf(1 << 20), kNow + EndedGroups::kRemembered);
  EXPECT_EQ(ended.size(), 1u);
}

}  // namespace
}  // namespace l2p::keeper
