// What two nodes say to each other about the groups they share, without a network between them.
#include "roster.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "boringssl_crypto.h"
#include "grants.h"
#include "l2p/testkit/memory_disk.h"
#include "prober.h"

namespace l2p::keeper {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Time kNow = absl::FromUnixSeconds(1'700'000'000);
const Duration kPause = absl::Hours(2);  // Of who has had its turn.
const Redundancy kSpec = Redundancy::ReedSolomon(8, 24);
const BoringsslCrypto crypto;

PeerId PeerOf(uint32_t number) {
  std::string key = {0x08, 0x01, 0x12, 0x20};
  const std::string name = absl::StrCat(number);
  key += name + std::string(32 - name.size(), '.');
  return *PeerId::OfPublicKey(AsBytes(key));
}

Multihash GroupOf(uint32_t number) {
  const std::string name = absl::StrCat("group ", number);
  const ByteView view = AsBytes(name);
  return *Multihash::FromDigest(HashCode::kSha2_256, crypto.Sha256({&view, 1}));
}

// `roster`, at `own`, holds the group together with `peer`, at `other`.
void Share2(Roster& roster, uint32_t group, Place own, const PeerId& peer, Place other) {
  const std::pair<PeerId, Place> member(peer, other);
  roster.Add({GroupOf(group), kSpec, own, {}, PeerOf(999), PeerOf(999)}, {&member, 1});
}

const PeerId kA = PeerOf(1);
const PeerId kB = PeerOf(2);

TEST(Roster, HasEqualDigestsWhereTwoAgree) {
  Roster a(crypto, kA), b(crypto, kB);
  for (uint32_t g = 0; g < 300; ++g) {
    Share2(a, g, 3, kB, 7);
    Share2(b, g, 7, kA, 3);
  }
  EXPECT_EQ(a.DigestOf(kB, ""), b.DigestOf(kA, ""));
  for (int i = 0; i < 16; ++i) {
    const std::string path(1, static_cast<char>(i));
    EXPECT_EQ(a.DigestOf(kB, path), b.DigestOf(kA, path));
  }
  b.Remove(GroupOf(17));
  EXPECT_NE(a.DigestOf(kB, ""), b.DigestOf(kA, ""));
}

TEST(Roster, TakesNobodysWordButHisOwn) {
  Roster a(crypto, kA);
  Share2(a, 1, 0, kB, 1);
  EXPECT_THAT(a.Members(GroupOf(1)), testing::SizeIs(2));
  const PeerId stranger = PeerOf(3);
  a.Suggest(stranger, {GroupOf(1), 4, PeerOf(5)});  // Not a member.
  a.Conclude(stranger, "", {});
  const std::vector<MemberView> members = a.Members(GroupOf(1));
  ASSERT_THAT(members, testing::SizeIs(2));
  EXPECT_TRUE(members[1].trusted);
  const Share claim{GroupOf(1), 9};
  a.Learn(stranger, {&claim, 1});
  EXPECT_FALSE(a.Members(GroupOf(1)).back().trusted);
  a.Suggest(stranger, {GroupOf(1), 4, PeerOf(5)});  // A member by its own word alone.
  EXPECT_THAT(a.Members(GroupOf(1)), testing::SizeIs(3));
  a.SetTrusted(GroupOf(1), stranger, true);
  EXPECT_TRUE(a.Members(GroupOf(1)).back().trusted);
}

TEST(Roster, TrustsForTheTimeBeingWhomATrustedMemberNames) {
  Roster a(crypto, kA);
  Share2(a, 1, 0, kB, 1);
  a.Suggest(kB, {GroupOf(1), 4, PeerOf(5)});
  EXPECT_TRUE(a.Members(GroupOf(1)).back().trusted);
}

TEST(Roster, HasNoPlaceForTheOwnerAndForImpossiblePlaces) {
  Roster a(crypto, kA);
  Share2(a, 1, 0, kB, 1);
  const Share right{GroupOf(1), 2}, beyond{GroupOf(1), 24}, whole{GroupOf(1), kWhole};
  a.Learn(PeerOf(999), {&right, 1});
  a.Learn(PeerOf(3), {&beyond, 1});
  a.Learn(PeerOf(3), {&whole, 1});
  EXPECT_THAT(a.Members(GroupOf(1)), testing::SizeIs(2));
}

TEST(Roster, DropsWhatAMemberDenies) {
  Roster a(crypto, kA);
  Share2(a, 1, 0, kB, 1);
  Share2(a, 2, 0, kB, 1);
  const Share still{GroupOf(2), 1};
  a.Conclude(kB, "", {&still, 1});
  EXPECT_THAT(a.Members(GroupOf(1)), testing::SizeIs(1));
  EXPECT_THAT(a.Members(GroupOf(2)), testing::SizeIs(2));
}

TEST(Roster, DoesNotClaimABrokenGroup) {
  Roster a(crypto, kA);
  Share2(a, 1, 0, kB, 1);
  a.SetBroken(GroupOf(1), true);
  EXPECT_THAT(a.List(kB, ""), IsEmpty());
  EXPECT_FALSE(a.Members(GroupOf(1))[0].trusted);
  a.SetBroken(GroupOf(1), false);
  EXPECT_THAT(a.List(kB, ""), testing::SizeIs(1));
}

TEST(Roster, HoldsOnlySoManyMembersOfAGroup) {
  Roster a(crypto, kA);
  Share2(a, 1, 0, kB, 1);
  for (uint32_t i = 0; i < 2 * Roster::kMaxMembers; ++i) {
    const Share claim{GroupOf(1), static_cast<Place>(i % 24)};
    a.Learn(PeerOf(1000 + i), {&claim, 1});
  }
  EXPECT_THAT(a.Members(GroupOf(1)), testing::SizeIs(Roster::kMaxMembers + 1));
}

TEST(Roster, MakesRoomAtItsCapForWhoIsThere) {
  Roster a(crypto, kA);
  Share2(a, 1, 0, kB, 1);
  const auto peer = [](size_t i) { return PeerOf(static_cast<uint32_t>(1000 + i)); };
  for (size_t i = 1; i < Roster::kMaxMembers; ++i) {
    a.AddTrusted(GroupOf(1), peer(i), static_cast<Place>(i % 24));
  }
  const auto is_member = [&](const PeerId& peer) {
    const std::vector<MemberView> members = a.Members(GroupOf(1));
    EXPECT_THAT(members, testing::SizeIs(Roster::kMaxMembers + 1));
    return std::any_of(members.begin(), members.end(),
                       [&](const MemberView& member) { return member.peer == peer; });
  };
  a.AddTrusted(GroupOf(1), PeerOf(3), 2);
  EXPECT_FALSE(is_member(PeerOf(3)));  // All that are there are well.
  a.Missed(peer(5), kNow);
  a.Missed(peer(7), kNow - absl::Hours(1));
  a.AddTrusted(GroupOf(1), PeerOf(3), 2);
  EXPECT_TRUE(is_member(PeerOf(3)));
  EXPECT_FALSE(is_member(peer(7)));
  a.SetTrusted(GroupOf(1), peer(9), false);
  a.AddTrusted(GroupOf(1), PeerOf(4), 2);
  EXPECT_TRUE(is_member(PeerOf(4)));
  EXPECT_FALSE(is_member(peer(9)));
  EXPECT_TRUE(is_member(peer(5)));
}

// What Scarce leaves out, nobody repairs.
TEST(Roster, FindsTheGroupsThatARepairCanBeDueFor) {
  const KeepRule rule;
  const size_t threshold = rule.Threshold(kSpec.needed, kSpec.holders);
  Roster a(crypto, kA);
  for (uint32_t g = 0; g < 2; ++g) {
    Share2(a, g, 0, PeerOf(100), 1);
    for (Place place = 2; place <= threshold; ++place) {
      a.AddTrusted(GroupOf(g), PeerOf(100 * g + 100 + place), place);
    }
  }
  EXPECT_THAT(a.Scarce(rule), IsEmpty());
  const auto check = [&](bool is_scarce) {
    const std::vector<Multihash> scarce = a.Scarce(rule);
    EXPECT_EQ(scarce == std::vector<Multihash>{GroupOf(1)}, is_scarce);
    EXPECT_EQ(scarce.empty(), !is_scarce);
    const Time later = kNow + rule.grace;
    EXPECT_EQ(Judge(rule, kSpec, a.Members(GroupOf(1)), later).repair_due, is_scarce);
  };
  a.Missed(PeerOf(202), kNow);
  check(true);
  a.Heard(PeerOf(202), kNow);
  check(false);
  a.SetTrusted(GroupOf(1), PeerOf(202), false);
  check(true);
  // A second peer at a place makes no further piece.
  a.AddTrusted(GroupOf(1), PeerOf(300), 3);
  check(true);
  a.AddTrusted(GroupOf(1), PeerOf(301), 2);
  check(false);
  a.SetBroken(GroupOf(1), true);
  check(true);
  a.SetBroken(GroupOf(1), false);
  a.SetShunned({PeerOf(203), PeerOf(300)});
  check(true);
}

TEST(Roster, KnowsItsMembersAgainAfterARestart) {
  testkit::MemoryDisk disk;
  State& state = **disk.OpenState("keeper");
  {
    Roster a(crypto, kA);
    Share2(a, 1, 0, kB, 1);
    Share2(a, 2, 0, kB, 1);
    a.AddTrusted(GroupOf(1), PeerOf(7), 5);
    ASSERT_TRUE(a.Save(state).ok());
    a.Remove(GroupOf(2));
    ASSERT_TRUE(a.Save(state).ok());
  }
  Roster again(crypto, kA);
  ASSERT_TRUE(again.Load(state).ok());
  again.Add({GroupOf(1), kSpec, 0, {}, PeerOf(999), PeerOf(999)}, {});
  again.Add({GroupOf(2), kSpec, 0, {}, PeerOf(999), PeerOf(999)}, {});
  EXPECT_THAT(again.Members(GroupOf(1)), testing::SizeIs(3));
  EXPECT_THAT(again.Members(GroupOf(2)), testing::SizeIs(1));
}

TEST(Roster, KnowsAgainWhomItHasComeToTrust) {
  testkit::MemoryDisk disk;
  State& state = **disk.OpenState("keeper");
  const auto trusted_after_restart = [&] {
    Roster again(crypto, kA);
    EXPECT_TRUE(again.Load(state).ok());
    again.Add({GroupOf(1), kSpec, 0, {}, PeerOf(999), PeerOf(999)}, {});
    return again.Members(GroupOf(1)).size() - 1;
  };
  Roster a(crypto, kA);
  Share2(a, 1, 0, kB, 1);
  const Share claims[] = {{GroupOf(1), 2}};
  a.Learn(PeerOf(3), claims);
  a.Learn(PeerOf(4), claims);
  ASSERT_TRUE(a.Save(state).ok());
  EXPECT_EQ(trusted_after_restart(), 1u);
  a.SetTrusted(GroupOf(1), PeerOf(3), true);
  ASSERT_TRUE(a.Save(state).ok());
  EXPECT_EQ(trusted_after_restart(), 2u);
  a.AddTrusted(GroupOf(1), PeerOf(4), 2);
  ASSERT_TRUE(a.Save(state).ok());
  EXPECT_EQ(trusted_after_restart(), 3u);
  a.SetTrusted(GroupOf(1), PeerOf(3), false);
  ASSERT_TRUE(a.Save(state).ok());
  EXPECT_EQ(trusted_after_restart(), 2u);
}

TEST(Roster, NotesSinceWhenAPeerIsAway) {
  Roster a(crypto, kA);
  Share2(a, 1, 0, kB, 1);
  EXPECT_TRUE(a.Missed(kB, kNow));
  EXPECT_FALSE(a.Missed(kB, kNow + absl::Minutes(5)));
  EXPECT_EQ(a.Members(GroupOf(1))[1].absent_since, kNow);
  a.Heard(kB, kNow + absl::Minutes(10));
  EXPECT_TRUE(a.Members(GroupOf(1))[1].within_reach());
  a.Missed(kB, kNow);
  a.ForgetAbsentSince(kNow + absl::Seconds(1));
  EXPECT_THAT(a.Members(GroupOf(1)), testing::SizeIs(1));
}

TEST(Grants, AreGivenToOneAtATimeAndEnd) {
  Grants grants;
  EXPECT_TRUE(grants.Give(GroupOf(1), kA, kNow + absl::Minutes(10), kNow, kPause));
  EXPECT_FALSE(grants.Give(GroupOf(1), kB, kNow + absl::Minutes(10), kNow, kPause));
  EXPECT_TRUE(grants.Give(GroupOf(2), kB, kNow + absl::Minutes(10), kNow, kPause));
  EXPECT_EQ(grants.Holder(GroupOf(1), kNow), kA);
  EXPECT_TRUE(grants.Holder(GroupOf(1), kNow + absl::Minutes(10)).empty());
  EXPECT_TRUE(grants.Give(GroupOf(1), kA, absl::InfinitePast(), kNow, kPause));
  EXPECT_TRUE(grants.Give(GroupOf(1), kB, kNow + absl::Minutes(10), kNow, kPause));
}

// Claims the group again and again, long before the consent ends; how long that was granted.
Duration Claim(Grants& grants, const PeerId& peer, Time begin, bool gives_back) {
  Time now = begin;
  while (now < begin + absl::Hours(24) &&
         grants.Give(GroupOf(1), peer, now + absl::Minutes(10), now, kPause)) {
    now += absl::Minutes(1);
    if (gives_back) grants.Give(GroupOf(1), peer, absl::InfinitePast(), now, kPause);
    now += absl::Minutes(1);
  }
  return now - begin;
}

TEST(Grants, EndForGoodAfterALongestTurnHoweverOftenTheyAreAskedFor) {
  for (const bool gives_back : {false, true}) {
    Grants grants;
    EXPECT_EQ(Claim(grants, kA, kNow, gives_back), Grants::kLongestTurn);
    const Time end = kNow + Grants::kLongestTurn;
    EXPECT_TRUE(grants.Holder(GroupOf(1), end).empty());
    const Time soon = end + kPause - absl::Seconds(1);
    EXPECT_FALSE(grants.Give(GroupOf(1), kA, soon + absl::Minutes(10), soon, kPause));
    EXPECT_TRUE(grants.Give(GroupOf(2), kA, soon + absl::Minutes(10), soon, kPause));
    EXPECT_TRUE(grants.Give(GroupOf(1), kB, soon + absl::Seconds(1), soon, kPause));
    EXPECT_EQ(Claim(grants, kA, end + kPause, gives_back), Grants::kLongestTurn);
  }
}

TEST(Grants, AreForOthersAfterOneWasNotGivenBack) {
  Grants grants;
  const Time end = kNow + absl::Minutes(10);
  EXPECT_TRUE(grants.Give(GroupOf(1), kA, end, kNow, kPause));
  EXPECT_FALSE(grants.Give(GroupOf(1), kA, end + absl::Minutes(10), end, kPause));
  EXPECT_TRUE(grants.Give(GroupOf(1), kB, end + absl::Minutes(10), end, kPause));
  EXPECT_TRUE(grants.Give(GroupOf(1), kB, absl::InfinitePast(), end, kPause));
  const Time later = end + kPause;
  EXPECT_TRUE(grants.Give(GroupOf(1), kA, later + absl::Minutes(10), later, kPause));
}

TEST(Grants, ForgetTheTurnsAtWhatNeedsNoRepair) {
  for (const bool is_due : {false, true}) {
    Grants grants;
    EXPECT_TRUE(grants.Give(GroupOf(1), kA, kNow + absl::Minutes(10), kNow, kPause));
    grants.ForgetTurnsBut(is_due ? std::vector<Multihash>{GroupOf(1)} : std::vector<Multihash>());
    const Time later = kNow + absl::Minutes(10);
    EXPECT_EQ(grants.Give(GroupOf(1), kA, later + absl::Minutes(10), later, kPause), !is_due);
  }
}

TEST(Grants, AreCapped) {
  Grants grants;
  for (uint32_t i = 0; i < Grants::kMostOfPeer; ++i) {
    EXPECT_TRUE(grants.Give(GroupOf(i), kA, kNow + absl::Minutes(10), kNow, kPause));
  }
  EXPECT_FALSE(grants.Give(GroupOf(99'999), kA, kNow + absl::Minutes(10), kNow, kPause));
  EXPECT_TRUE(grants.Give(GroupOf(99'999), kB, kNow + absl::Minutes(10), kNow, kPause));
}

}  // namespace
}  // namespace l2p::keeper
