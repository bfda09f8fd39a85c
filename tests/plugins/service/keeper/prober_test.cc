// Probes between keepers on TestNodes: what they find out, and what they cost. And repairs.
#include "prober.h"

#include <gmock/gmock.h>

#include "keeper_party.h"
#include "keeper_service.h"
#include "l2p/testkit/gtest_conformance.h"
#include "l2p/testkit/service_conformance.h"
#include "rebuild.h"
#include "repair_world.h"

namespace l2p::keeper {
namespace {

TEST(Prober, FindsWhatOneOfTwoNoLongerHolds) {
  WithParties(2, [](auto& parties, auto&, auto&) {
    Party& a = *parties[0];
    Party& b = *parties[1];
    for (uint32_t g = 0; g < 1000; ++g) {
      a.Hold(g, 1, {{b.identity->peer(), 2}});
      b.Hold(g, 2, {{a.identity->peer(), 1}});
    }
    b.roster.Remove(GroupOf(500));
    a.roster.Remove(GroupOf(700));
    a.prober.Hurry(b.identity->peer());
    a.prober.Step();
    EXPECT_EQ(a.roster.DigestOf(b.identity->peer(), ""), b.roster.DigestOf(a.identity->peer(), ""));
    EXPECT_EQ(a.roster.Members(GroupOf(500)).size(), 1u);
    EXPECT_EQ(b.roster.Members(GroupOf(700)).size(), 1u);
    EXPECT_EQ(a.roster.Members(GroupOf(1)).size(), 2u);
  });
}

TEST(Prober, LearnsOfHoldersThatOnlyOneSideKnew) {
  WithParties(2, [](auto& parties, auto&, auto&) {
    Party& a = *parties[0];
    Party& b = *parties[1];
    for (uint32_t g = 0; g < 400; ++g) {
      a.Hold(g, 1, {{b.identity->peer(), 2}});
      b.Hold(g, 2, {});
    }
    for (uint32_t g = 400; g < 500; ++g) {
      a.Hold(g, 1, {});
      b.Hold(g, 2, {{a.identity->peer(), 1}});
    }
    // Who it does not know of at all it cannot ask; the other side knows.
    for (int i = 0; i < 2; ++i) {
      a.prober.Hurry(b.identity->peer());
      a.prober.Step();
    }
    for (uint32_t g = 0; g < 500; ++g) {
      EXPECT_EQ(a.roster.Members(GroupOf(g)).size(), 2u) << g;
      EXPECT_EQ(b.roster.Members(GroupOf(g)).size(), 2u) << g;
    }
  });
}

TEST(Prober, MissesWhoDoesNotAnswer) {
  WithParties(2, [](auto& parties, testkit::SimNetwork& network, testkit::Simulation& simulation) {
    Party& a = *parties[0];
    Party& b = *parties[1];
    a.Hold(1, 1, {{b.identity->peer(), 2}});
    b.Hold(1, 2, {{a.identity->peer(), 1}});
    network.SetFate(b.node_number, testkit::SimNetwork::Fate::kFrozen);
    a.prober.Hurry(b.identity->peer());
    a.prober.Step();
    EXPECT_FALSE(a.roster.Members(GroupOf(1))[1].within_reach());
    network.SetFate(b.node_number, testkit::SimNetwork::Fate::kUp);
    simulation.Sleep(absl::Minutes(11));
    a.prober.Step();
    EXPECT_TRUE(a.roster.Members(GroupOf(1))[1].within_reach());
  });
}

// The figure of docs/operations.md: 10,000 groups with 60 other holders.
TEST(Prober, CostsTwentyMegabytesADayAtMostHoweverManyGroupsAreHeld) {
  constexpr size_t kPeers = 61;
  constexpr uint32_t kGroups = 10'000;
  WithParties(kPeers, [&](auto& parties, testkit::SimNetwork& network,
                          testkit::Simulation& simulation) {
    Party& self = *parties[0];
    for (uint32_t g = 0; g < kGroups; ++g) {
      std::vector<std::pair<PeerId, Place>> members;
      for (size_t i = 0; i < 23; ++i) {
        Party& other = *parties[1 + (g + i) % (kPeers - 1)];
        members.emplace_back(other.identity->peer(), static_cast<Place>(i + 1));
        other.Hold(g, static_cast<Place>(i + 1), {{self.identity->peer(), 0}});
      }
      self.Hold(g, 0, members);
    }
    // In a swarm the others have as many fellows as this one.
    for (const auto& party : parties) party->options.interval = self.prober.Interval();
    const auto before = network.traffic(0);
    const Time end = simulation.Now() + absl::Hours(24);
    while (simulation.Now() < end) {
      simulation.Sleep(absl::Minutes(1));
      for (const auto& party : parties) party->prober.Step();
    }
    const auto after = network.traffic(0);
    const uint64_t payload = after.bytes_out - before.bytes_out + after.bytes_in - before.bytes_in;
    // Of each exchange one message goes out, as question or as answer. If every one finds its
    // connection closed, handshake and identify take 5 KB in both directions.
    const uint64_t exchanges = after.messages_out - before.messages_out;
    const uint64_t bytes = payload + exchanges * 5000;
    std::printf("%zu bytes in %zu probes; %zu bytes a day with handshakes\n", size_t{payload},
                size_t{exchanges}, size_t{bytes});
    EXPECT_GE(exchanges, 1000u);
    EXPECT_LE(bytes, 20'000'000u);
    EXPECT_EQ(self.roster.Members(GroupOf(1)).size(), 24u);
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

// A member of the group that begins anew, with a disk on which it takes five minutes to list what
// comes after `after`.
class Restarted {
 public:
  Restarted(RepairWorld& world, size_t i, const Multihash& after)
      : party_(world.party(i)), node_(world, i, after), service_(party_.host, {}) {
    party_.serving.reset();
    EXPECT_TRUE(service_.Start(node_).ok());
  }

 private:
  class SlowGroups : public HeldGroups {
   public:
    SlowGroups(HeldGroups& inner, testkit::Simulation& simulation, const Multihash& slow_after)
        : inner_(inner), simulation_(simulation), slow_after_(slow_after) {}
    std::vector<HeldGroup> List(const Multihash& after, size_t most) override {
      if (after == slow_after_) simulation_.Sleep(absl::Minutes(5));
      return inner_.List(after, most);
    }
    absl::StatusOr<Content> Find(const Multihash& group) override { return inner_.Find(group); }
    std::vector<Lost> LostBlocks(size_t most) override { return inner_.LostBlocks(most); }
    absl::Status Keep(const HeldGroup& held, const Content& content,
                      std::span<const Block> blocks) override {
      return inner_.Keep(held, content, blocks);
    }
    absl::Status Release(const Multihash& group, const PeerId& owner) override {
      return inner_.Release(group, owner);
    }
    absl::StatusOr<std::vector<OwnObject>> Objects() override { return inner_.Objects(); }

   private:
    HeldGroups& inner_;
    testkit::Simulation& simulation_;
    const Multihash slow_after_;
  };
  class SlowNode : public Node {
   public:
    SlowNode(RepairWorld& world, size_t i, const Multihash& after)
        : inner_(world.node(i)), groups_(inner_.groups(), world.simulation(), after) {}
    NodeBlocks& blocks() override { return inner_.blocks(); }
    HeldGroups& groups() override { return groups_; }
    NodePeers& peers() override { return inner_.peers(); }
    Messenger& messenger() override { return inner_.messenger(); }

   private:
    Node& inner_;
    SlowGroups groups_;
  };

  Party& party_;
  SlowNode node_;
  KeeperService service_;
};

TEST(KeeperService, DeniesNothingBeforeItKnowsWhatItHolds) {
  RepairWorld::Run(1, [](RepairWorld& world) {
    const Restarted restarted(world, 1, Multihash());
    const auto believed = [&] {
      world.party(0).prober.Hurry(world.PeerAt(1));
      world.party(0).prober.Step();
      const std::vector<MemberView> members = world.party(0).roster.Members(world.id());
      return std::any_of(members.begin(), members.end(), [&](const MemberView& member) {
        return member.peer == world.PeerAt(1) && member.trusted && member.within_reach();
      });
    };
    world.simulation().Sleep(absl::Minutes(1));
    EXPECT_TRUE(believed());
    world.simulation().Sleep(absl::Minutes(10));
    EXPECT_TRUE(believed());
  });
}

TEST(KeeperService, ProbesNobodyBeforeItKnowsWhatItHolds) {
  RepairWorld::Run(1, [](RepairWorld& world) {
    const Restarted restarted(world, 1, world.id());
    testkit::TestMetrics& metrics = world.party(1).host.metrics();
    world.simulation().Sleep(absl::Minutes(4));
    EXPECT_EQ(metrics.Value("probes_total"), 0);
    world.simulation().Sleep(absl::Minutes(10));
    EXPECT_GT(metrics.Value("probes_total"), 0);
  });
}

}  // namespace
}  // namespace l2p::keeper

namespace l2p::testkit {
namespace {

absl::StatusOr<std::unique_ptr<Service>> NewKeeper(Host& host) {
  return std::make_unique<keeper::KeeperService>(host, keeper::Options());
}

std::unique_ptr<Host> HostOn(Runtime& runtime, size_t node) {
  static std::map<size_t, std::unique_ptr<Identity>> identities;
  auto& identity = identities[node];
  if (identity == nullptr) identity = keeper::IdentityOf(static_cast<uint8_t>(100 + node));
  return std::make_unique<TestHost>(
      runtime, TestHost::Options{.crypto = &keeper::crypto, .identity = identity.get()});
}

L2P_TEST_CONFORMANCE(KeeperServiceTest, ServiceConformance(NewKeeper, HostOn));

}  // namespace
}  // namespace l2p::testkit
