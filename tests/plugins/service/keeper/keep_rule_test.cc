#include "keep_rule.h"

#include <gmock/gmock.h>

#include "boringssl_crypto.h"

namespace l2p::keeper {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Time kNow = absl::FromUnixSeconds(1'700'000'000);
const KeepRule kRule;

PeerId PeerOf(uint8_t number) {
  std::string key = {0x08, 0x01, 0x12, 0x20};
  key += std::string(32, static_cast<char>(number));
  return *PeerId::OfPublicKey(AsBytes(key));
}

Multihash GroupOf(uint8_t number) {
  return *Multihash::FromDigest(HashCode::kSha2_256, std::vector<uint8_t>(32, number));
}

// Holders of places 0 to count - 1, all within reach.
std::vector<MemberView> Members(size_t count) {
  std::vector<MemberView> members;
  for (size_t i = 0; i < count; ++i) {
    members.push_back({PeerOf(static_cast<uint8_t>(i)), static_cast<Place>(i)});
  }
  return members;
}

TEST(KeepRule, RepairsWhenFiveEighthsOfTheMarginAreLeft) {
  EXPECT_EQ(kRule.Threshold(8, 24), 18u);
  EXPECT_EQ(kRule.Threshold(1, 3), 2u);
  EXPECT_EQ(kRule.Threshold(2, 6), 4u);
  EXPECT_EQ(kRule.Threshold(1, 1), 0u);  // One copy: there is nothing to repair from.
}

TEST(KeepRule, NeverRepairsWhatIsComplete) {
  KeepRule eager;
  eager.margin_thousandths = 999;
  for (size_t n = 2; n <= Redundancy::kMaxHolders; ++n) EXPECT_LT(eager.Threshold(1, n), n);
}

TEST(KeepRule, CountsAPlaceOnce) {
  std::vector<MemberView> members = Members(3);
  members.push_back({PeerOf(9), 1});
  EXPECT_EQ(Count(members, kNow, kRule.grace).counted, 3u);
  for (MemberView& member : members) member.place = kWhole;
  EXPECT_EQ(Count(members, kNow, kRule.grace).counted, 4u);
}

TEST(KeepRule, CountsWhoIsAwayButNotGone) {
  std::vector<MemberView> members = Members(3);
  members[0].absent_since = kNow - kRule.grace + absl::Seconds(1);
  members[1].absent_since = kNow - kRule.grace;
  const Census census = Count(members, kNow, kRule.grace);
  EXPECT_EQ(census.within_reach, 1u);
  EXPECT_EQ(census.counted, 2u);
}

TEST(KeepRule, DoesNotCountWhoFailedAnAudit) {
  std::vector<MemberView> members = Members(3);
  members[2].trusted = false;
  EXPECT_EQ(Count(members, kNow, kRule.grace).counted, 2u);
  EXPECT_THAT(MissingPlaces(Redundancy::ReedSolomon(2, 4), members, kNow, kRule.grace),
              ElementsAre(2, 3));
}

TEST(KeepRule, IsDueAtTheThresholdAndNotAbove) {
  const Redundancy spec = Redundancy::ReedSolomon(8, 24);
  EXPECT_FALSE(Judge(kRule, spec, Members(19), kNow).repair_due);
  EXPECT_TRUE(Judge(kRule, spec, Members(18), kNow).repair_due);
}

TEST(KeepRule, WaitsLessWhenFewAreWithinReach) {
  const Redundancy spec = Redundancy::ReedSolomon(8, 24);
  std::vector<MemberView> members = Members(24);
  // Away for longer than a quarter of the grace: of no moment while eighteen are there.
  for (size_t i = 0; i < 6; ++i) members[i].absent_since = kNow - kRule.grace / 3;
  EXPECT_FALSE(Judge(kRule, spec, members, kNow).repair_due);
  for (size_t i = 0; i < 11; ++i) members[i].absent_since = kNow - kRule.grace / 3;
  EXPECT_TRUE(Judge(kRule, spec, members, kNow).repair_due);
  for (size_t i = 0; i < 11; ++i) members[i].absent_since = kNow - kRule.grace / 5;
  EXPECT_FALSE(Judge(kRule, spec, members, kNow).repair_due);
}

TEST(KeepRule, WaitsLessForEveryLossOfThreeCopies) {
  std::vector<MemberView> members = Members(3);
  for (MemberView& member : members) member.place = kWhole;
  members[0].absent_since = kNow - kRule.grace / 3;
  EXPECT_TRUE(Judge(kRule, Redundancy::Copies(3), members, kNow).repair_due);
  members[0].absent_since = kNow - kRule.grace / 5;
  EXPECT_FALSE(Judge(kRule, Redundancy::Copies(3), members, kNow).repair_due);
}

TEST(KeepRule, NamesTheMissingPlaces) {
  std::vector<MemberView> members = Members(6);
  members.erase(members.begin() + 2);
  members[3].absent_since = kNow - kRule.grace;
  EXPECT_THAT(MissingPlaces(Redundancy::ReedSolomon(2, 6), members, kNow, kRule.grace),
              ElementsAre(2, 4));
  EXPECT_THAT(MissingPlaces(Redundancy::ReedSolomon(2, 6), Members(6), kNow, kRule.grace),
              IsEmpty());
  for (MemberView& member : members) member.place = kWhole;
  EXPECT_THAT(MissingPlaces(Redundancy::Copies(5), members, kNow, kRule.grace),
              ElementsAre(kWhole));
}

TEST(KeepRule, RanksEachMemberOnce) {
  const BoringsslCrypto crypto;
  std::vector<MemberView> members = Members(10);
  members[3].trusted = false;
  members[7].absent_since = kNow;
  std::vector<size_t> ranks;
  for (const MemberView& member : members) {
    if (member.trusted && member.within_reach()) {
      ranks.push_back(RankOf(crypto, GroupOf(1), member.peer, members));
    }
  }
  EXPECT_THAT(ranks, testing::UnorderedElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

}  // namespace
}  // namespace l2p::keeper
