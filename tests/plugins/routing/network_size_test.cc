#include "network_size.h"

#include <gtest/gtest.h>

#include <vector>

namespace l2p::kademlia {
namespace {

// Twenty distances, evenly spread, of which the last is `part`/65536 of the key space.
std::vector<Position> UpTo(uint32_t part) {
  std::vector<Position> nearest;
  for (uint32_t i = 1; i <= 20; ++i) {
    nearest.push_back({{uint64_t{part * i / 20} << 48, 0, 0, 0}});
  }
  return nearest;
}

TEST(NetworkSize, KnowsNothingAtFirst) {
  const NetworkSize size(20);
  EXPECT_EQ(size.Estimate(), 0);
  EXPECT_EQ(size.Reach(), Position{});
  EXPECT_EQ(size.RegionDepth(), std::nullopt);
  EXPECT_FALSE(size.IsCrowded(UpTo(1)));
}

TEST(NetworkSize, CountsASwarmSmallerThanABucket) {
  NetworkSize size(20);
  size.Learn(std::vector<Position>(7));
  EXPECT_DOUBLE_EQ(size.Estimate(), 7);
  EXPECT_EQ(size.RegionDepth(), 0u);
  EXPECT_GT(size.Reach(), UpTo(65535).back());
}

TEST(NetworkSize, TakesTheMedianOfTheLatestLookups) {
  NetworkSize size(20);
  for (const uint32_t part : {60000u, 60000u, 60000u, 60000u, 1024u, 1280u, 1360u, 1u, 2000u}) {
    size.Learn(UpTo(part));
  }
  EXPECT_NEAR(size.Estimate(), 20 * 65536.0 / 1280, 1);
  EXPECT_EQ(size.RegionDepth(), 4u);  // 1024 / 16 = 64 servers.
}

TEST(NetworkSize, SeesThatPeersCrowdAroundAKey) {
  NetworkSize size(20);
  for (int i = 0; i < 5; ++i) size.Learn(UpTo(1280));
  EXPECT_FALSE(size.IsCrowded(UpTo(1280)));
  EXPECT_FALSE(size.IsCrowded(UpTo(640)));
  EXPECT_TRUE(size.IsCrowded(UpTo(400)));
  EXPECT_FALSE(size.IsCrowded(std::vector<Position>(19)));
}

TEST(NetworkSize, ExpectsTwentyWithinReach) {
  NetworkSize size(20);
  size.Learn(UpTo(1280));
  EXPECT_LE(size.Reach(), UpTo(1281).back());
  EXPECT_GT(size.Reach(), UpTo(1279).back());
}

}  // namespace
}  // namespace l2p::kademlia
