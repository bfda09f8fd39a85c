#include "kernel/content/holdings.h"

#include <gmock/gmock.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "kernel/content/draft.h"
#include "tests/kernel/content/content_world.h"
#include "tests/kernel/content/folder_store.h"

namespace l2p {
namespace {

constexpr Time kForEver = absl::InfiniteFuture();

// Puts blocks with these contents and says what group they are.
Group PutGroup(ContentWorld& world, BlockService::Operation& operation,
               const std::vector<std::string>& contents) {
  Group group;
  for (const std::string& content : contents) {
    const Block block{HashOf(*world.hasher, AsBytes(content)), Bytes::Copy(content)};
    EXPECT_TRUE(operation.Put({&block, 1}).ok());
    group.leaves.push_back({block.id, static_cast<uint32_t>(content.size())});
  }
  group.id = group.leaves[0].id;
  return group;
}

absl::Status Hold(ContentWorld& world, const std::vector<std::string>& contents,
                  const PeerId& pusher, Time until = kForEver) {
  BlockService::Operation operation(world.blocks);
  return world.holdings.Commit(PutGroup(world, operation, contents), pusher, until);
}

Multihash IdOf(ContentWorld& world, std::string_view content) {
  return HashOf(*world.hasher, AsBytes(content));
}

absl::StatusOr<Cid> PutFile(ContentWorld& world, const std::string& content,
                            const std::string& name) {
  Draft draft(world.runtime, world.blocks, world.holdings);
  ListedInput input(content);
  L2P_ASSIGN_OR_RETURN(ImportResult imported,
                       Import(
                           world.runtime, world.memory, &draft.operation(),
                           OptionsFor(world, ProfileOf("size=64 links=16")), input,
                           [&](Group group) { return draft.Add(std::move(group)); }, nullptr));
  Root root;
  root.id = imported.root;
  root.name = name;
  root.added = world.runtime.Now();
  L2P_RETURN_IF_ERROR(draft.Finish(root));
  return imported.root;
}

TEST(Holdings, FreesABlockWhenItsLastGroupGoes) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    ASSERT_TRUE(world.holdings.Open().ok());
    ASSERT_TRUE(Hold(world, {"a", "shared"}, TestPeer(1)).ok());
    ASSERT_TRUE(Hold(world, {"b", "shared"}, TestPeer(1)).ok());
    ASSERT_TRUE(Hold(world, {"b", "shared"}, TestPeer(2)).ok());
    EXPECT_EQ(world.holdings.BytesFor(TestPeer(1)), 14u);
    EXPECT_TRUE(world.holdings.Release(IdOf(world, "a"), TestPeer(1)).ok());
    EXPECT_EQ(world.stored_blocks(), 2u);
    EXPECT_TRUE(world.holdings.Release(IdOf(world, "b"), TestPeer(1)).ok());
    EXPECT_EQ(world.stored_blocks(), 2u);
    EXPECT_TRUE(world.holdings.Release(IdOf(world, "b"), TestPeer(2)).ok());
    EXPECT_EQ(world.stored_blocks(), 0u);
    EXPECT_EQ(world.holdings.Release(IdOf(world, "b"), TestPeer(2)).code(),
              absl::StatusCode::kNotFound);
  });
}

TEST(Holdings, NeverReclaimsWhatARunningOperationHolds) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    ASSERT_TRUE(world.holdings.Open().ok());
    ASSERT_TRUE(Hold(world, {"a", "b"}, TestPeer(1)).ok());
    BlockService::Operation operation(world.blocks);
    const Multihash wanted = IdOf(world, "b");
    int64_t size = -1;
    ASSERT_TRUE(operation.Has({&wanted, 1}, {&size, 1}).ok());
    EXPECT_EQ(size, 1);
    EXPECT_TRUE(world.holdings.Release(IdOf(world, "a"), TestPeer(1)).ok());
    EXPECT_EQ(world.stored_blocks(), 1u);
    EXPECT_TRUE(world.blocks.Get(wanted).ok());
    EXPECT_TRUE(world.holdings.ReclaimUnneeded(operation.ForgetAll()).ok());
    EXPECT_EQ(world.stored_blocks(), 0u);
  });
}

TEST(Holdings, KeepsTheLaterTimeAndEndsPromisesThatHaveExpired) {
  InWorld([](testkit::SimRuntime& runtime) {
    ContentWorld world(runtime);
    ASSERT_TRUE(world.holdings.Open().ok());
    const Time now = runtime.Now();
    ASSERT_TRUE(Hold(world, {"a"}, TestPeer(1), now + absl::Hours(2)).ok());
    ASSERT_TRUE(Hold(world, {"a"}, TestPeer(1), now + absl::Hours(1)).ok());
    ASSERT_TRUE(Hold(world, {"b"}, TestPeer(1), now + absl::Hours(1)).ok());
    EXPECT_EQ(world.holdings.BytesFor(TestPeer(1)), 2u);
    runtime.simulation().Sleep(absl::Minutes(90));
    EXPECT_TRUE(world.holdings.ReleaseExpired().ok());
    EXPECT_THAT(world.holdings.Groups(), testing::ElementsAre(IdOf(world, "a")));
    runtime.simulation().Sleep(absl::Hours(1));
    ContentWorld restarted(runtime);
    ASSERT_TRUE(restarted.holdings.Open().ok());
    EXPECT_TRUE(restarted.holdings.Groups().empty());
  });
}

TEST(Holdings, RefusesMoreThanAPeersQuotaAndTheStores) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime, 5 << 20);
    ASSERT_TRUE(world.holdings.Open().ok());
    ASSERT_TRUE(Hold(world, {std::string(1 << 19, 'x')}, TestPeer(1)).ok());
    EXPECT_TRUE(world.holdings.Admits(TestPeer(1), 1 << 19).ok());
    EXPECT_THAT(std::string(world.holdings.Admits(TestPeer(1), (1 << 19) + 1).message()),
                testing::HasSubstr("placement.quota_per_peer"));
    EXPECT_TRUE(world.holdings.Admits(TestPeer(0), 4 << 20).ok());
    EXPECT_THAT(std::string(world.holdings.Admits(TestPeer(0), 5 << 20).message()),
                testing::HasSubstr("storage.quota"));
  });
}

TEST(Holdings, RemembersGroupsAndRootsAcrossARestart) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    ASSERT_TRUE(world.holdings.Open().ok());
    const Cid file = *PutFile(world, TestStream(1, 200'000), "file");
    ASSERT_TRUE(Hold(world, {"a", "b"}, TestPeer(1)).ok());
    ASSERT_TRUE(world.holdings.Close().ok());
    const std::vector<Multihash> groups = world.holdings.Groups();
    EXPECT_GT(groups.size(), 3u);

    ContentWorld restarted(runtime);
    restarted.slot.Swap(world.store);
    ASSERT_TRUE(restarted.holdings.Open().ok());
    EXPECT_EQ(restarted.holdings.Groups(), groups);
    EXPECT_EQ(restarted.holdings.BytesFor(TestPeer(1)), 2u);
    const std::vector<Root> roots = *restarted.holdings.Roots();
    ASSERT_EQ(roots.size(), 1u);
    EXPECT_EQ(roots[0].id, file);
    EXPECT_EQ(roots[0].name, "file");
    for (const Multihash& id : groups) {
      absl::StatusOr<Group> before = world.holdings.FindGroup(id);
      absl::StatusOr<Group> after = restarted.holdings.FindGroup(id);
      ASSERT_TRUE(before.ok() && after.ok());
      EXPECT_EQ(after->leaves, before->leaves);
      EXPECT_EQ(after->nodes, before->nodes);
    }
    ASSERT_TRUE(restarted.holdings.RemoveRoot(file).ok());
    EXPECT_EQ(world.stored_blocks(), 2u);
  });
}

TEST(Holdings, KeepsGroupsThatAnotherRootNeeds) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    ASSERT_TRUE(world.holdings.Open().ok());
    const std::string content = TestStream(1, 64 * 2000);
    const Cid all = *PutFile(world, content, "all");
    const size_t blocks_of_all = world.stored_blocks();
    const Cid part = *PutFile(world, content.substr(0, 64 * 1500), "part");
    ASSERT_TRUE(world.holdings.RemoveRoot(part).ok());
    EXPECT_EQ(world.stored_blocks(), blocks_of_all);
    EXPECT_EQ(world.holdings.RemoveRoot(part).code(), absl::StatusCode::kNotFound);
    ASSERT_TRUE(world.holdings.RemoveRoot(all).ok());
    EXPECT_EQ(world.stored_blocks(), 0u);
  });
}

TEST(Draft, FreesWhatItStoredUnlessAnotherRootNeedsIt) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    ASSERT_TRUE(world.holdings.Open().ok());
    const std::string content = TestStream(1, 64 * 2000);
    ASSERT_TRUE(PutFile(world, content, "done").ok());
    const size_t blocks_before = world.stored_blocks();
    const std::vector<Multihash> groups_before = world.holdings.Groups();
    {
      Draft draft(runtime, world.blocks, world.holdings);
      Memory memory(runtime, 2 << 20);  // Little, so that the input is stored in many steps.
      ListedInput input(content + TestStream(2, 64 * 2000));
      input.FailAtEnd(absl::UnavailableError("gone"));
      absl::StatusOr<ImportResult> result = Import(
          runtime, memory, &draft.operation(), OptionsFor(world, ProfileOf("size=64 links=16")),
          input, [&](Group group) { return draft.Add(std::move(group)); }, nullptr);
      EXPECT_EQ(result.status(), absl::UnavailableError("gone"));
      EXPECT_GT(world.stored_blocks(), blocks_before);
    }
    EXPECT_EQ(world.stored_blocks(), blocks_before);
    EXPECT_EQ(world.holdings.Groups(), groups_before);
  });
}

// Every block in the store belongs to a group that is wholly there.
void ExpectExactlyTheHeldBlocks(ContentWorld& world) {
  std::set<Multihash> held;
  for (const Multihash& id : world.holdings.Groups()) {
    absl::StatusOr<Group> group = world.holdings.FindGroup(id);
    ASSERT_TRUE(group.ok()) << group.status();
    for (const auto* list : {&group->nodes, &group->leaves}) {
      for (const BlockRef& block : *list) {
        absl::StatusOr<Bytes> data = world.blocks.Get(block.id);
        ASSERT_TRUE(data.ok()) << data.status();
        EXPECT_TRUE(world.hashers.Verify(block.id, *data).ok());
        held.insert(block.id);
      }
    }
  }
  const std::vector<Multihash> stored = world.blocks.Scan("", 1 << 20)->ids;
  EXPECT_EQ(std::set<Multihash>(stored.begin(), stored.end()), held);
}

// Puts two files with the power going at the nth change of the second; returns how many changes
// there were.
uint64_t PutWithPowerCut(uint64_t nth) {
  testkit::Simulation simulation(nth);
  testkit::MemoryDisk disk;
  testkit::SimRuntime runtime(simulation, disk, "node");
  uint64_t changes = 0;
  simulation.Run([&] {
    const std::string first = TestStream(1, 64 * 40);
    const std::string second = TestStream(1, 64 * 20) + TestStream(2, 64 * 30);
    Cid first_id;
    bool acknowledged = false;
    std::unique_ptr<Folder> folder = *runtime.folder().OpenFolder("blocks");
    ASSERT_TRUE(runtime.folder().Sync().ok());
    {
      ContentWorld world(runtime);
      world.slot.Swap(std::make_shared<FolderStore>(*folder));
      ASSERT_TRUE(world.holdings.Open().ok());
      first_id = *PutFile(world, first, "first");
      const uint64_t before = disk.counts().changes();
      if (nth > 0) disk.StopAt(nth);
      acknowledged = PutFile(world, second, "second").ok();
      changes = disk.counts().changes() - before;
      if (nth == 0) {
        ASSERT_TRUE(acknowledged);
      }
    }
    if (nth > 0) disk.Crash(nth);
    folder = *runtime.folder().OpenFolder("blocks");
    ContentWorld world(runtime);
    world.slot.Swap(std::make_shared<FolderStore>(*folder));
    ASSERT_TRUE(world.holdings.Open().ok());
    ExpectExactlyTheHeldBlocks(world);
    std::set<std::string> names;
    const std::vector<Root> roots = *world.holdings.Roots();
    for (const Root& root : roots) {
      names.insert(root.name);
      LocalSource source(world.blocks);
      MemoryOutput output;
      EXPECT_EQ(Export(source, root.id, output, {}, kForEver), absl::OkStatus());
      EXPECT_TRUE(output.files[""] == (root.name == "first" ? first : second));
    }
    EXPECT_TRUE(names.contains("first"));
    if (acknowledged) {
      EXPECT_TRUE(names.contains("second"));
    }
  });
  return changes;
}

TEST(Holdings, SurvivesAPowerCutAtAnyPointOfAPut) {
  const uint64_t changes = PutWithPowerCut(0);
  ASSERT_GT(changes, 20u);
  for (uint64_t nth = 1; nth <= changes; ++nth) {
    SCOPED_TRACE(absl::StrCat("power cut at change ", nth, " of ", changes));
    PutWithPowerCut(nth);
    if (testing::Test::HasFailure()) break;
  }
}

}  // namespace
}  // namespace l2p
