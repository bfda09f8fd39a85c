// Repairs on TestNodes: that they happen once, cost what they must, and cannot be stopped.
#include "repairer.h"

#include <gmock/gmock.h>

#include "rebuild.h"
#include "repair_world.h"

namespace l2p::keeper {
namespace {

TEST(Repairer, IsNotLetOverruleThoseWhoKnowOfAnEndByThoseWhoHaveNothingOfTheGroup) {
  RepairWorld::Run(1, [](RepairWorld& world) {
    const Time now = world.simulation().Now();
    for (size_t i = 8; i < RepairWorld::kMembers; ++i) {
      world.party(0).roster.Conclude(world.PeerAt(i), "", {});
      world.party(i).roster.Remove(world.id());
      if (i >= 16) continue;  // They have forgotten.
      world.repairer(i).ended().Hold(world.id(), absl::InfiniteFuture());
      world.repairer(i).ended().Drop(world.id(), now);
    }
    for (int tries = 0; tries < 5; ++tries) {
      world.repairer(0).Step();
      world.simulation().Sleep(absl::Hours(2));
    }
    EXPECT_EQ(world.party(0).host.metrics().Value("repair_fetched_bytes_total"), 0);
    EXPECT_EQ(world.party(0).host.metrics().Value("repair_pushed_bytes_total"), 0);
  });
}

TEST(Repairer, FetchesAGroupOnceHoweverManyPlacesItFillsAndHoweverSlowOneOfThemIs) {
  constexpr size_t kStripes = 5;
  RepairWorld::Run(kStripes, [](RepairWorld& world) {
    world.node(0).push = [&](const PeerId& to, const Group& share, const BlockReader& read) {
      return world.Receive(share, read, to == world.CandidateAt(2) ? 100e3 : 10e6);
    };
    world.repairer(0).Step();
    testkit::TestMetrics& metrics = world.party(0).host.metrics();
    EXPECT_EQ(metrics.Value("repairs_total"), 1);
    const double piece = double{CodedGroup::kLeaf} * kStripes;
    EXPECT_GE(metrics.Value("repair_fetched_bytes_total"), 6.9 * piece);
    EXPECT_LE(metrics.Value("repair_fetched_bytes_total"), 7.5 * piece);
  });
}

TEST(Repairer, DoesNotLetOthersHangUpForOneThatIsMuchTooSlow) {
  constexpr size_t kStripes = 5;
  RepairWorld::Run(kStripes, [](RepairWorld& world) {
    Duration longest;
    world.node(0).push = [&](const PeerId& to, const Group& share, const BlockReader& read) {
      if (to == world.CandidateAt(2)) return world.Receive(share, read, 5e3);
      Time last = world.simulation().Now();
      return world.Receive(
          share,
          [&](std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) {
            read(ids, out);
            longest = std::max(longest, world.simulation().Now() - last);
            last = world.simulation().Now();
          },
          10e6);
    };
    world.repairer(0).Step();
    testkit::TestMetrics& metrics = world.party(0).host.metrics();
    EXPECT_EQ(metrics.Value("repairs_total"), 1);
    EXPECT_LT(longest, absl::Seconds(25));
    const double piece = double{CodedGroup::kLeaf} * kStripes;
    EXPECT_LE(metrics.Value("repair_fetched_bytes_total"), 14.5 * piece);
  });
}

TEST(Repairer, KeepsTheConsentOfTheOthersForAsLongAsARepairLasts) {
  RepairWorld::Run(1, [](RepairWorld& world) {
    world.node(0).push = [&](const PeerId&, const Group&, const BlockReader&) {
      world.simulation().Sleep(absl::Minutes(40));
      return absl::OkStatus();
    };
    world.simulation().Start("first", [&] { world.repairer(0).Step(); });
    for (int minutes = 4; minutes < 40; minutes += 9) {
      world.simulation().Sleep(absl::Minutes(9));
      world.repairer(1).Step();
      EXPECT_EQ(world.party(1).host.metrics().Value("repair_pushed_bytes_total"), 0);
      EXPECT_FALSE(world.repairer(0).Consent(world.PeerAt(1), {world.id(), absl::Minutes(10)}));
      EXPECT_FALSE(world.repairer(2).Consent(world.PeerAt(1), {world.id(), absl::Minutes(10)}));
    }
    world.simulation().Sleep(absl::Minutes(10));
    EXPECT_EQ(world.party(0).host.metrics().Value("repairs_total"), 1);
    EXPECT_EQ(world.repairer(2).PhaseOf(world.id()), Repairer::Phase::kIdle);
  });
}

TEST(Repairer, TellsOfANewHolderWhileOthersAreStillBeingGivenTheirShares) {
  RepairWorld::Run(1, [](RepairWorld& world) {
    world.node(0).push = [&](const PeerId& to, const Group&, const BlockReader&) {
      if (to == world.CandidateAt(2)) world.simulation().Sleep(absl::Minutes(30));
      return absl::OkStatus();
    };
    world.simulation().Start("repair", [&] { world.repairer(0).Step(); });
    world.simulation().Sleep(absl::Minutes(1));
    const auto told_of = [&](size_t candidate) {
      return std::count_if(world.hints.begin(), world.hints.end(), [&](const auto& hint) {
        return hint.peer == world.CandidateAt(candidate);
      });
    };
    EXPECT_EQ(told_of(0), RepairWorld::kMembers - 1);
    EXPECT_EQ(told_of(2), 0);
    EXPECT_EQ(world.party(0).roster.Members(world.id()).size(), RepairWorld::kMembers + 5);
    world.simulation().Sleep(absl::Minutes(30));
    EXPECT_EQ(told_of(2), RepairWorld::kMembers - 1);
  });
}

TEST(Repairer, AsksNoFurtherCandidateWhenPiecesCannotBeHad) {
  RepairWorld::Run(2, [](RepairWorld& world) {
    size_t pushes = 0;
    size_t fetches = 0;
    world.node(0).push = [&](const PeerId&, const Group& share, const BlockReader& read) {
      ++pushes;
      return world.Receive(share, read, 10e6);
    };
    world.node(0).fetch = [&] {
      ++fetches;
      return absl::UnavailableError("nobody has it");
    };
    world.repairer(0).Step();
    EXPECT_EQ(world.party(0).host.metrics().Value("repairs_total"), 0);
    EXPECT_EQ(pushes, kSpec.holders - RepairWorld::kMembers);
    EXPECT_LE(fetches, Rebuild::kTries);
  });
}

TEST(Repairer, LeavesAGroupWhosePiecesContradictItsDagAloneForADay) {
  RepairWorld::Run(1, [](RepairWorld& world) {
    size_t pushes = 0;
    world.node(0).push = [&](const PeerId&, const Group& share, const BlockReader& read) {
      ++pushes;
      return world.Receive(share, read, 10e6);
    };
    world.node(0).garbles = true;
    const size_t missing = kSpec.holders - RepairWorld::kMembers;
    world.repairer(0).Step();
    EXPECT_EQ(pushes, missing);
    world.simulation().Sleep(absl::Hours(23));
    world.repairer(0).Step();
    EXPECT_EQ(pushes, missing);
    world.simulation().Sleep(absl::Hours(2));
    world.repairer(0).Step();
    EXPECT_EQ(pushes, 2 * missing);
  });
}

TEST(Repairer, LetsOnlyTrustedMembersRepair) {
  RepairWorld::Run(1, [](RepairWorld& world) {
    world.party(2).roster.SetTrusted(world.id(), world.PeerAt(1), false);
    const auto agrees = [&](const PeerId& peer) {
      const bool agreed = world.repairer(2).Consent(peer, {world.id(), absl::Minutes(10)});
      world.repairer(2).Consent(peer, {world.id(), absl::ZeroDuration()});
      return agreed;
    };
    EXPECT_FALSE(agrees(world.PeerAt(1)));
    EXPECT_FALSE(agrees(world.PeerAt(RepairWorld::kNewcomer)));
    EXPECT_TRUE(agrees(world.PeerAt(3)));
    world.party(2).roster.SetTrusted(world.id(), world.PeerAt(1), true);
    EXPECT_TRUE(agrees(world.PeerAt(1)));
  });
}

TEST(Repairer, IsNotStoppedForEverByAMemberThatClaimsEveryRepair) {
  RepairWorld::Run(1, [](RepairWorld& world) {
    const Duration takeover = absl::Minutes(10);
    world.party(0).options.rule.takeover = takeover;
    world.node(0).push = [](const PeerId&, const Group&, const BlockReader&) {
      return absl::OkStatus();
    };
    const Time begin = world.simulation().Now();
    const auto repairs = [&] { return world.party(0).host.metrics().Value("repairs_total"); };
    while (repairs() == 0 && world.simulation().Now() < begin + absl::Hours(24)) {
      world.repairer(0).Consent(world.PeerAt(1), {world.id(), absl::Minutes(10)});
      world.repairer(0).Step();
      world.simulation().Sleep(absl::Minutes(1));
    }
    EXPECT_EQ(repairs(), 1);
    EXPECT_LT(world.simulation().Now(), begin + Grants::kLongestTurn + 30 * takeover);
  });
}

TEST(Repairer, NamesToANewHolderOnlyThoseThatAreTrustedAndWithinReach) {
  RepairWorld::Run(1, [](RepairWorld& world) {
    world.party(0).roster.SetTrusted(world.id(), world.PeerAt(3), false);
    world.network().SetFate(world.party(4).node_number, testkit::SimNetwork::Fate::kFrozen);
    world.node(0).candidates.insert(world.node(0).candidates.begin(),
                                    {world.PeerAt(RepairWorld::kNewcomer), {}});
    world.node(0).push = [](const PeerId&, const Group&, const BlockReader&) {
      return absl::OkStatus();
    };
    std::set<PeerId> named;
    world.party(RepairWorld::kNewcomer).on_request = [&](const PeerId&, const KeeperRequest& asked,
                                                         KeeperAnswer&) {
      for (const MemberHint& hint : asked.hints) named.insert(hint.peer);
    };
    world.repairer(0).Step();
    EXPECT_TRUE(named.contains(world.PeerAt(0)));
    EXPECT_TRUE(named.contains(world.PeerAt(5)));
    EXPECT_FALSE(named.contains(world.PeerAt(3)));
    EXPECT_FALSE(named.contains(world.PeerAt(4)));
    world.network().SetFate(world.party(4).node_number, testkit::SimNetwork::Fate::kUp);
  });
}

TEST(Repairer, PausesWhenTheGroupIsStillDueAfterARepair) {
  RepairWorld::Run(1, [](RepairWorld& world) {
    Roster& roster = world.party(0).roster;
    std::set<PeerId> shunned;
    world.node(0).push = [&](const PeerId& to, const Group&, const BlockReader&) {
      roster.AddTrusted(world.id(), to, 20);
      shunned.insert(to);
      roster.SetShunned(shunned);
      return absl::OkStatus();
    };
    const auto repairs = [&] { return world.party(0).host.metrics().Value("repairs_total"); };
    world.repairer(0).Step();
    EXPECT_EQ(repairs(), 1);
    world.simulation().Sleep(Repairer::kPause / 2);
    world.repairer(0).Step();
    EXPECT_EQ(repairs(), 1);
    world.simulation().Sleep(Repairer::kPause);
    world.repairer(0).Step();
    EXPECT_EQ(repairs(), 2);
  });
}

}  // namespace
}  // namespace l2p::keeper
