// Disks and quotas fill up in the middle of a put.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "l2p/testkit/conformance.h"
#include "tests/swarm/simulated/sim_swarm.h"

namespace l2p {
namespace {

using testkit::TestBytes;

constexpr size_t kUploader = 1;

TEST(FullSwarm, LeavesNothingOfAPutThatIsOverTheQuota) {
  SimSwarm swarm({.nodes = 4, .of_node = {{kUploader, {"storage.quota=2MiB"}}}});
  swarm.Run([&] {
    for (const bool local : {true, false}) {
      SCOPED_TRACE(local);
      Content::PutOptions options = SimSwarm::SmallChunks();
      options.local = local;
      const absl::Status put = swarm.Put(kUploader, TestBytes(1, 6 << 20), options).status();
      EXPECT_TRUE(absl::IsResourceExhausted(put)) << put;
      EXPECT_TRUE(absl::StrContains(put.message(), "storage.quota")) << put;
      EXPECT_TRUE(swarm.node(kUploader).content().Files()->empty());
      EXPECT_EQ(swarm.node(kUploader).GetStatus().held_groups, 0u);
      EXPECT_EQ(swarm.node(kUploader).GetStatus().store.blocks, 0u);
    }
    swarm.simulation().Sleep(absl::Minutes(5));
    const auto put = swarm.Put(kUploader, TestBytes(2, 500'000));
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_EQ(put->shortfall, "");
    EXPECT_EQ(swarm.Get(3, put->id)->lone(), TestBytes(2, 500'000));
  });
}

TEST(FullSwarm, LeavesNothingOfAPutThatDoesNotFitOnTheDisk) {
  SimSwarm swarm({.nodes = 1});
  swarm.Run([&] {
    const auto before = swarm.Put(0, TestBytes(1, 300'000), SimSwarm::Local());
    ASSERT_TRUE(before.ok()) << before.status();
    const uint64_t blocks = swarm.node(0).GetStatus().store.blocks;
    swarm.disk(0).SetCapacity(swarm.disk(0).used() + (3 << 20));
    const absl::Status put = swarm.Put(0, TestBytes(2, 16 << 20), SimSwarm::Local()).status();
    EXPECT_TRUE(absl::IsResourceExhausted(put)) << put;
    EXPECT_EQ(swarm.node(0).content().Files()->size(), 1u);
    EXPECT_EQ(swarm.node(0).GetStatus().store.blocks, blocks);
    EXPECT_EQ(swarm.Get(0, before->id, true)->lone(), TestBytes(1, 300'000));

    swarm.disk(0).SetCapacity(uint64_t{1} << 30);
    const auto after = swarm.Put(0, TestBytes(2, 16 << 20), SimSwarm::Local());
    ASSERT_TRUE(after.ok()) << after.status();
    EXPECT_EQ(swarm.Get(0, after->id, true)->lone(), TestBytes(2, 16 << 20));
  });
}

TEST(FullSwarm, PassesOverHoldersThatAreFull) {
  SimSwarm swarm({.nodes = 8,
                  .of_node = {{2, {"storage.quota=1MiB"}},
                              {3, {"storage.quota=1MiB"}},
                              {4, {"storage.quota=1MiB"}},
                              {5, {"storage.quota=1MiB"}}}});
  swarm.Run([&] {
    const std::string content = TestBytes(1, 3 << 20);
    const auto put = swarm.Put(kUploader, content);
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_EQ(put->shortfall, "");
    EXPECT_EQ(swarm.Holders(put->id, kUploader), (std::vector<size_t>{0, 6, 7}));
    for (const size_t full : {2, 3, 4, 5}) {
      EXPECT_EQ(swarm.node(full).GetStatus().store.blocks, 0u);
      EXPECT_EQ(swarm.node(full).GetStatus().held_groups, 0u);
    }
  });
}

// The candidates asked first are the 40 closest, of whom most refuse.
TEST(FullSwarm, FindsTheFewWithRoomAmongManyWithout) {
  constexpr size_t kNodes = 60;
  constexpr size_t kWithRoom = 10;  // The last, and that which puts.
  SimSwarm::Options options{.nodes = kNodes};
  for (size_t i = 0; i < kNodes - kWithRoom; ++i) options.of_node[i] = {"storage.plugin=memory"};
  SimSwarm swarm(options);
  swarm.Run([&] {
    Content::PutOptions how = SimSwarm::SmallChunks();
    how.redundancy = absl::StrCat("copies:", kWithRoom - 1);
    const std::string content = TestBytes(1, 100'000);
    const auto put = swarm.Put(kNodes - 1, content, how);
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_EQ(put->shortfall, "");
    EXPECT_EQ(swarm.Holders(put->id, kNodes - 1).size(), kWithRoom - 1);
    swarm.Stop(kNodes - 1);
    EXPECT_EQ(swarm.Get(3, put->id)->lone(), content);
  });
}

TEST(FullSwarm, SaysWhenHoldersAreFull) {
  SimSwarm swarm(
      {.nodes = 4,
       .of_node = {
           {0, {"storage.quota=1MiB"}}, {2, {"storage.quota=1MiB"}}, {3, {"storage.quota=1MiB"}}}});
  swarm.Run([&] {
    Content::PutOptions options = SimSwarm::SmallChunks();
    options.strict = true;
    const auto put = swarm.Put(kUploader, TestBytes(1, 3 << 20), options);
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_TRUE(put->degraded);
    EXPECT_TRUE(absl::StrContains(put->shortfall, "stored on 0 of 3")) << put->shortfall;
    EXPECT_TRUE(absl::StrContains(put->shortfall, "storage.quota")) << put->shortfall;
    // They still take what fits.
    const auto small = swarm.Put(kUploader, TestBytes(2, 300'000));
    ASSERT_TRUE(small.ok()) << small.status();
    EXPECT_EQ(small->shortfall, "");
  });
}

// Their disks fill up while blocks come in; what has come is freed again.
TEST(FullSwarm, LeavesNothingOnAHolderWhoseDiskFillsUp) {
  SimSwarm swarm({.nodes = 5});
  swarm.Run([&] {
    for (const size_t i : {2, 3, 4}) {
      swarm.disk(i).SetCapacity(swarm.disk(i).used() + (1 << 20));
    }
    const auto put = swarm.Put(kUploader, TestBytes(1, 4 << 20));
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_TRUE(absl::StrContains(put->shortfall, "stored on 1 of 3")) << put->shortfall;
    for (const size_t i : {2, 3, 4}) {
      EXPECT_EQ(swarm.node(i).GetStatus().store.blocks, 0u) << i;
      EXPECT_EQ(swarm.node(i).GetStatus().held_groups, 0u) << i;
      swarm.disk(i).SetCapacity(uint64_t{1} << 30);
    }
    // What is missing is tried again in the background.
    swarm.simulation().Sleep(absl::Minutes(3));
    EXPECT_EQ(swarm.Holders(put->id, kUploader).size(), 3u);
  });
}

}  // namespace
}  // namespace l2p
