// What was acknowledged survives: power cuts at once after the put, restarts of all.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "l2p/testkit/conformance.h"
#include "tests/swarm/simulated/defective_stores.h"
#include "tests/swarm/simulated/sim_swarm.h"

namespace l2p {
namespace {

using testkit::DiskOp;
using testkit::TestBytes;

constexpr size_t kUploader = 1;

// Puts a file, cuts the power of every holder at the very moment, and starts them again.
struct AfterPowerCut {
  size_t holders = 0;       // As the put said.
  size_t whole = 0;         // Of them, after the restart.
  size_t without_sync = 0;  // That never called fdatasync.
  bool readable = false;
};

AfterPowerCut PutAndCutPower(SimSwarm::Options options) {
  AfterPowerCut after;
  SimSwarm swarm(std::move(options));
  swarm.Run([&] {
    std::vector<uint64_t> syncs;
    for (size_t i = 0; i < swarm.size(); ++i) {
      syncs.push_back(swarm.disk(i).counts()[DiskOp::kSync]);
    }
    const std::string content = TestBytes(1, 1'000'000);
    const auto put = swarm.Put(kUploader, content);
    ASSERT_TRUE(put.ok()) << put.status();
    after.holders = put->outcome->holders;
    std::vector<size_t> ended;
    for (size_t i = 1; i < swarm.size(); ++i) {
      if (swarm.node(i).GetStatus().held_groups == 0) continue;
      if (swarm.disk(i).counts()[DiskOp::kSync] == syncs[i]) ++after.without_sync;
      swarm.CutPower(i);
      if (i != kUploader) ended.push_back(i);
    }
    swarm.simulation().Sleep(absl::Seconds(1));
    for (const size_t i : ended) swarm.Start(i);
    after.whole = swarm.Holders(put->id, kUploader).size();
    const auto got = swarm.Get(swarm.AddNode(), put->id);
    after.readable = got.ok() && got->lone() == content;
  });
  return after;
}

TEST(RestartedSwarm, HasAllThatWasAcknowledgedWhenThePowerGoes) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    const AfterPowerCut after = PutAndCutPower({.nodes = 6, .seed = seed});
    EXPECT_EQ(after.holders, 3u);
    EXPECT_EQ(after.whole, 3u);
    EXPECT_EQ(after.without_sync, 0u);
    EXPECT_TRUE(after.readable);
  }
}

// That the test above can fail.
TEST(RestartedSwarm, LosesWhatAStoreDidNotSync) {
  SimSwarm::Options options = {.nodes = 6, .seed = 1};
  options.plugins = {&kUnsyncedStore};
  options.settings = {"storage.plugin=unsynced"};
  const AfterPowerCut after = PutAndCutPower(std::move(options));
  EXPECT_EQ(after.holders, 3u);
  EXPECT_LT(after.whole, 3u);
}

TEST(RestartedSwarm, ServesWhatItHeldBefore) {
  SimSwarm swarm({.nodes = 6});
  swarm.Run([&] {
    std::vector<Cid> ids;
    for (size_t i = 0; i < 4; ++i) {
      const auto put = swarm.Put(1 + i, TestBytes(i, 200'000));
      ASSERT_TRUE(put.ok()) << put.status();
      ids.push_back(put->id);
    }
    // All at once, each in its own way; only the first of the swarm stays.
    std::vector<size_t> groups(swarm.size());
    for (size_t i = 0; i < swarm.size(); ++i) groups[i] = swarm.node(i).GetStatus().held_groups;
    for (size_t i = 1; i < swarm.size(); ++i) {
      if (i % 3 == 0) swarm.Stop(i);
      if (i % 3 == 1) swarm.Kill(i);
      if (i % 3 == 2) swarm.CutPower(i);
    }
    swarm.simulation().Sleep(absl::Minutes(3));
    for (size_t i = 1; i < swarm.size(); ++i) {
      swarm.Start(i);
      EXPECT_EQ(swarm.node(i).GetStatus().held_groups, groups[i]) << i;
    }
    const size_t reader = swarm.AddNode();
    for (size_t i = 0; i < 4; ++i) {
      const auto got = swarm.Get(reader, ids[i]);
      ASSERT_TRUE(got.ok()) << got.status();
      EXPECT_EQ(got->lone(), TestBytes(i, 200'000));
      EXPECT_EQ(swarm.node(1 + i).content().Files()->size(), 1u);
    }
  });
}

TEST(RestartedSwarm, ComesBackWithTheSameIdentity) {
  SimSwarm swarm({.nodes = 3});
  swarm.Run([&] {
    const PeerInfo before = swarm.node(2).self();
    swarm.CutPower(2);
    swarm.Start(2);
    EXPECT_EQ(swarm.node(2).self().id, before.id);
    EXPECT_EQ(swarm.node(2).self().addresses, before.addresses);
  });
}

TEST(RestartedSwarm, StillKnowsHowMuchEachPeerHasPushed) {
  SimSwarm swarm({.nodes = 2, .of_node = {{0, {"placement.quota_per_peer=3MiB"}}}});
  swarm.Run([&] {
    Content::PutOptions one_copy = SimSwarm::SmallChunks();
    one_copy.redundancy = "copies:1";
    const auto first = swarm.Put(1, TestBytes(1, 2 << 20), one_copy);
    ASSERT_TRUE(first.ok()) << first.status();
    EXPECT_EQ(first->shortfall, "");
    swarm.CutPower(0);
    swarm.Start(0);
    swarm.simulation().Sleep(absl::Minutes(2));
    const auto second = swarm.Put(1, TestBytes(2, 2 << 20), one_copy);
    ASSERT_TRUE(second.ok()) << second.status();
    EXPECT_TRUE(absl::StrContains(second->shortfall, "placement.quota_per_peer"))
        << second->shortfall;
    EXPECT_TRUE(swarm.Get(0, first->id, true).ok());
  });
}

TEST(RestartedSwarm, FindsEachOtherAgainWhenAllWereOff) {
  SimSwarm swarm({.nodes = 8});
  swarm.Run([&] {
    const std::string content = TestBytes(1, 200'000);
    const auto put = swarm.Put(3, content);
    ASSERT_TRUE(put.ok()) << put.status();
    // Long enough for everyone to write down whom it knows.
    swarm.simulation().Sleep(absl::Minutes(15));
    for (size_t i = 0; i < swarm.size(); ++i) swarm.CutPower(i);
    swarm.simulation().Sleep(absl::Hours(2));
    // The uploader, and the one that the others bootstrap from, never come back.
    for (size_t i = 1; i < swarm.size(); ++i) {
      if (i != 3) swarm.Start(i);
    }
    swarm.simulation().Sleep(absl::Minutes(1));
    size_t reader = 0;
    for (size_t i = 1; i < swarm.size(); ++i) {
      if (swarm.runs(i) && swarm.node(i).GetStatus().held_groups == 0) reader = i;
    }
    ASSERT_NE(reader, 0u);
    const auto got = swarm.Get(reader, put->id);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->lone(), content);
  });
}

TEST(RestartedSwarm, NodesFindEachOtherSoonThoughOneListensAMomentLater) {
  SimSwarm swarm({.nodes = 1});
  swarm.Run([&] {
    swarm.Stop(0);
    const size_t newcomer = swarm.AddNode();
    swarm.simulation().Sleep(absl::Milliseconds(600));
    EXPECT_EQ(swarm.node(newcomer).GetStatus().known_peers, 0u);
    swarm.Start(0);
    swarm.simulation().Sleep(absl::Milliseconds(900));
    EXPECT_EQ(swarm.node(newcomer).GetStatus().known_peers, 1u);
    EXPECT_EQ(swarm.node(0).GetStatus().known_peers, 1u);
  });
}

}  // namespace
}  // namespace l2p
