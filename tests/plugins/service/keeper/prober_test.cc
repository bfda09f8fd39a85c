// Probes between keepers on TestNodes: what they find out, and what they cost.
#include "prober.h"

#include <gmock/gmock.h>

#include "keeper_party.h"

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

}  // namespace
}  // namespace l2p::keeper
