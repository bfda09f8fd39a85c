// What storing costs a swarm beside the bytes that are stored: lookups of a put, and the traffic of
// nodes that only keep what they hold. Whole nodes in virtual time; figures are printed.
#include <gmock/gmock.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "l2p/testkit/conformance.h"
#include "tests/long_form.h"
#include "tests/swarm/simulated/keeper_world.h"

namespace l2p {
namespace {

using testkit::SimNetwork;
using testkit::TestBytes;

constexpr size_t kUser = 7;  // A node like any other.

// A thousand disks in memory have no room for segments of the usual size.
const SimSwarm::Settings kSmallDisks = {"storage.pack.segment=64KiB", "storage.pack.reserve=4KiB"};

// All lookups count, those of routing tables' refreshes in the same time as well.
struct Lookups {
  int64_t of_user = 0;
  int64_t of_all = 0;
};

Lookups LookupsOf(KeeperWorld& world, const std::function<void()>& work) {
  const auto count = [&] {
    return Lookups{world.CounterOf(kUser, "lookups_total"), world.Total("lookups_total")};
  };
  const Lookups before = count();
  work();
  const Lookups after = count();
  return {after.of_user - before.of_user, after.of_all - before.of_all};
}

class LookupsOfAPut : public testing::TestWithParam<const char*> {};

// Blocks are looked for by groups: 4,096 of them are four groups and a root. The number of lookups
// is that of groups and holders, whatever the size of the swarm; the long form shows it with 1,000.
TEST_P(LookupsOfAPut, AreFewForFourThousandBlocks) {
  constexpr size_t kBlocks = 4096;
  constexpr size_t kBlock = 1024;
  constexpr int64_t kMost = 40;
  const size_t nodes = IsLongForm() ? 1000 : 50;
  KeeperWorld world({.nodes = nodes, .settings = kSmallDisks});
  world.swarm().Run([&] {
    world.Sleep(absl::Minutes(30));  // Tables are full, refreshes rare.
    Content::PutOptions how;
    how.chunker = absl::StrCat("fixed:", kBlock);
    how.redundancy = GetParam();
    absl::StatusOr<Content::PutResult> put = absl::UnknownError("");
    const Time begun = world.Now();
    const Lookups during = LookupsOf(world, [&] {
      put = world.swarm().Put(kUser, TestBytes(1, kBlocks * kBlock), how);
      world.Sleep(absl::Minutes(1));  // The user's own copy is announced a little later.
    });
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_EQ(put->shortfall, "");
    const Duration took = world.Now() - begun;
    const Lookups idle = LookupsOf(world, [&] { world.Sleep(took); });
    std::printf(
        "put of %zu blocks, %s, %zu nodes: %lld lookups by the putting node (limit %lld), "
        "%lld by all nodes (%lld in as long without a put)\n",
        kBlocks, GetParam(), nodes, static_cast<long long>(during.of_user),
        static_cast<long long>(kMost), static_cast<long long>(during.of_all),
        static_cast<long long>(idle.of_all));
    EXPECT_LE(during.of_user, kMost);
    EXPECT_GT(during.of_user, 0);
  });
}

INSTANTIATE_TEST_SUITE_P(Of, LookupsOfAPut, testing::Values("copies:3", "auto"));

// What a transport adds to the bytes that the simulated network counts, as measured on loopback for
// l2p-simulate (sdk/testkit/simulate/experiment.cc): TLS, multistream, yamux and TCP of a
// connection's beginning and end, and headers of what goes over it.
constexpr double kDialBytes = 2060 + 1860;
constexpr double kMessageBytes = 140;

// Of one node, in the mean of all, both directions.
struct Traffic {
  double all = 0;
  double probes = 0;  // As if each had needed a connection of its own.
};

Traffic TrafficOf(KeeperWorld& world, Duration time) {
  const auto sum = [&] {
    const SimNetwork::Traffic net = world.swarm().network().total();
    return Traffic{
        static_cast<double>(net.bytes_out) + static_cast<double>(net.messages_out) * kMessageBytes +
            static_cast<double>(net.dials) * kDialBytes,
        static_cast<double>(world.Total("probe_bytes_total")) +
            static_cast<double>(world.Total("probes_total")) * (kDialBytes + 2 * kMessageBytes)};
  };
  const Traffic before = sum();
  world.Sleep(time);
  const Traffic after = sum();
  // Each byte is sent by one node and received by another.
  const double share = 2 / static_cast<double>(world.swarm().size());
  return {(after.all - before.all) * share, (after.probes - before.probes) * share};
}

// What depends on the number of groups is that they are announced every 22 h; a probe is one
// digest, whatever it is of. So the one is measured for each group, the rest in a time without it.
// Among twenty-five nodes `auto` is the same as in a large swarm, each of these groups has 17
// holders, and every node shares groups with more peers than it may probe each ten minutes.
TEST(IdleTraffic, OfProbesIsSmallAndGroupsAreAnnouncedTogether) {
  constexpr double kMostMegabytes = 100;
  constexpr double kMostMegabytesOfProbes = 20;
  constexpr double kGroups = 10'000;
  constexpr double kAnnouncementsADay = 24.0 / 22;
  constexpr Duration kWindow = absl::Hours(2);
  const size_t files = IsLongForm() ? 1500 : 150;
  KeeperWorld world({.nodes = 25,
                     .settings = {"placement.redundancy=auto", "routing.kademlia.provide_again=4h",
                                  "storage.pack.segment=1MiB"}});
  world.swarm().Run([&] {
    world.Sleep(absl::Minutes(30));
    const Time begun = world.Now();
    for (size_t i = 0; i < files; ++i) {
      const auto put = world.swarm().Put(kUser, TestBytes(i, 100), {});
      ASSERT_TRUE(put.ok()) << put.status();
      EXPECT_EQ(put->shortfall, "");
    }
    ASSERT_LT(world.Now() - begun, absl::Hours(1));
    double held = 0;
    for (size_t i = 0; i < world.swarm().size(); ++i) {
      held += static_cast<double>(world.swarm().node(i).GetStatus().held_groups);
    }
    held /= static_cast<double>(world.swarm().size());
    world.Sleep(begun + absl::Minutes(90) - world.Now());
    const Traffic calm = TrafficOf(world, kWindow);
    const Traffic announcing = TrafficOf(world, kWindow);
    const double rest = 1e-6 * calm.all * absl::FDivDuration(absl::Hours(24), kWindow);
    const double probes = 1e-6 * calm.probes * absl::FDivDuration(absl::Hours(24), kWindow);
    const double of_group = (announcing.all - calm.all) / held;
    const double announcements = 1e-6 * of_group * kGroups * kAnnouncementsADay;
    std::printf(
        "a node with %.0f groups, both directions, a day: probes at most %.1f MB (limit %.0f), all "
        "but announcements %.1f MB; to announce a group takes %.0f bytes, so with %.0f groups "
        "%.1f MB in all (limit %.0f: %s)\n",
        held, probes, kMostMegabytesOfProbes, rest, of_group, kGroups, rest + announcements,
        kMostMegabytes, rest + announcements <= kMostMegabytes ? "PASS" : "FAIL");
    EXPECT_GT(probes, 0);
    EXPECT_LE(probes, kMostMegabytesOfProbes);
    EXPECT_GT(of_group, 0);
    EXPECT_LE(rest + announcements, kMostMegabytes);
  });
}

}  // namespace
}  // namespace l2p
