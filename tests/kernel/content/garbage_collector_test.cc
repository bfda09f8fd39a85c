#include "kernel/content/garbage_collector.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "kernel/content/scrubber.h"
#include "tests/kernel/content/content_world.h"

namespace l2p {
namespace {

Multihash Put(ContentWorld& world, const std::string& content) {
  const Block block{HashOf(*world.hasher, AsBytes(content)), Bytes::Copy(content)};
  EXPECT_TRUE(BlockService::Operation(world.blocks).Put({&block, 1}).ok());
  return block.id;
}

Group Hold(ContentWorld& world, const std::vector<std::string>& contents,
           Time until = absl::InfiniteFuture()) {
  BlockService::Operation operation(world.blocks);
  Group group;
  for (const std::string& content : contents) {
    const Block block{HashOf(*world.hasher, AsBytes(content)), Bytes::Copy(content)};
    EXPECT_TRUE(operation.Put({&block, 1}).ok());
    group.leaves.push_back({block.id, static_cast<uint32_t>(content.size())});
  }
  group.id = group.leaves.front().id;
  EXPECT_TRUE(world.holdings.Commit(group, {TestPeer(1), until}).ok());
  return group;
}

TEST(GarbageCollector, FreesWhatNobodyWasPromisedAndNothingElse) {
  InWorld([](testkit::SimRuntime& runtime) {
    ContentWorld world(runtime);
    ASSERT_TRUE(world.holdings.Open().ok());
    Hold(world, {"leased", "shared"});
    Hold(world, {"expired", "shared"}, runtime.Now() + absl::Hours(1));
    for (int i = 0; i < 1000; ++i) Put(world, absl::StrCat("dead ", i));
    BlockService::Operation operation(world.blocks);
    const Block in_flight{HashOf(*world.hasher, AsBytes("in flight")), Bytes::Copy("in flight")};
    ASSERT_TRUE(operation.Put({&in_flight, 1}).ok());
    runtime.simulation().Sleep(absl::Hours(2));
    GarbageCollector collector(runtime, world.blocks, world.holdings);
    const auto freed = collector.Collect();
    ASSERT_TRUE(freed.ok()) << freed.status();
    EXPECT_EQ(freed->blocks, 1001u);
    EXPECT_EQ(freed->bytes, 1000 * 5 + 10 + 90 * 2 + 900 * 3 + 7u);
    EXPECT_EQ(world.stored_blocks(), 3u);
    EXPECT_EQ(collector.Collect()->blocks, 0u);
  });
}

TEST(GarbageCollector, WorksByItselfWhenTheStoreIsNearlyFull) {
  InWorld([](testkit::SimRuntime& runtime) {
    ContentWorld world(runtime, 1 << 20);
    ASSERT_TRUE(world.holdings.Open().ok());
    GarbageCollector collector(runtime, world.blocks, world.holdings);
    ASSERT_TRUE(collector.Start().ok());
    Hold(world, {std::string(300'000, 'a')});
    Put(world, std::string(300'000, 'b'));
    runtime.simulation().Sleep(absl::Minutes(2));
    EXPECT_EQ(world.stored_blocks(), 2u);
    Put(world, std::string(400'000, 'c'));
    runtime.simulation().Sleep(absl::Minutes(2));
    EXPECT_EQ(world.stored_blocks(), 1u);
    collector.Stop();
  });
}

TEST(Scrubber, FindsAbsentBlocksAtTheStart) {
  InWorld([](testkit::SimRuntime& runtime) {
    ContentWorld world(runtime);
    ASSERT_TRUE(world.holdings.Open().ok());
    const Group group = Hold(world, {"a", "b", "c"});
    Hold(world, {"d"});
    std::vector<absl::Status> statuses(1);
    world.store->Delete({&group.leaves[1].id, 1}, statuses);
    Scrubber scrubber(runtime, **runtime.OpenState("kernel"), world.blocks, world.holdings,
                      absl::Hours(24));
    ASSERT_TRUE(scrubber.Start().ok());
    runtime.simulation().Sleep(absl::Seconds(1));
    const auto lost = scrubber.LostBlocks(10);
    ASSERT_EQ(lost.size(), 1u);
    EXPECT_EQ(lost[0].group, group.id);
    EXPECT_EQ(lost[0].block, group.leaves[1]);
    EXPECT_EQ(scrubber.progress().blocks_read, 0u);
    Put(world, "b");
    EXPECT_TRUE(scrubber.LostBlocks(10).empty());
    scrubber.Stop();
  });
}

// A store that has other bytes under an id than were put, as a flipped bit leaves them in one
// without checksums.
TEST(Scrubber, FindsFlippedBitsInOnePassAndDeletesTheBlock) {
  InWorld([](testkit::SimRuntime& runtime) {
    ContentWorld world(runtime);
    ASSERT_TRUE(world.holdings.Open().ok());
    std::vector<std::string> contents;
    for (int i = 0; i < 100; ++i) contents.push_back(TestStream(i + 1, 1000));
    const Group group = Hold(world, contents);
    std::vector<absl::Status> statuses(1);
    const Multihash flipped = group.leaves[42].id;
    world.store->Delete({&flipped, 1}, statuses);
    contents[42][7] ^= 1;
    const Block wrong{flipped, Bytes::Copy(contents[42])};
    world.store->Put({&wrong, 1}, statuses);
    Scrubber scrubber(runtime, **runtime.OpenState("kernel"), world.blocks, world.holdings,
                      absl::Hours(1));
    ASSERT_TRUE(scrubber.Start().ok());
    runtime.simulation().Sleep(absl::Minutes(6));
    EXPECT_LT(scrubber.progress().blocks_read, 20u) << "not spread over the interval";
    runtime.simulation().Sleep(absl::Minutes(60));
    EXPECT_GE(scrubber.progress().blocks_read, 100u);
    EXPECT_EQ(scrubber.progress().damaged, 1u);
    const auto lost = scrubber.LostBlocks(10);
    ASSERT_EQ(lost.size(), 1u);
    EXPECT_EQ(lost[0].block.id, flipped);
    EXPECT_TRUE(absl::IsNotFound(world.blocks.Get(flipped).status()));
    scrubber.Stop();
  });
}

}  // namespace
}  // namespace l2p
