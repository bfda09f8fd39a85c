#include "kernel/content/holdings.h"

#include <gmock/gmock.h>

#include <set>

#include "absl/strings/str_cat.h"
#include "kernel/content/draft.h"
#include "tests/kernel/content/content_world.h"
#include "tests/kernel/content/folder_store.h"

namespace l2p {
namespace {

constexpr uint64_t kOverhead = BlockService::kOverheadPerBlock;
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
  return world.holdings.Commit(PutGroup(world, operation, contents), {pusher, until});
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
    EXPECT_EQ(world.holdings.BytesFor(TestPeer(1)), 14u + 4 * kOverhead);
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
    EXPECT_EQ(world.holdings.BytesFor(TestPeer(1)), 2u + 2 * kOverhead);
    runtime.simulation().Sleep(absl::Minutes(90));
    EXPECT_TRUE(world.holdings.ReleaseExpired().ok());
    EXPECT_THAT(world.holdings.Groups(), testing::ElementsAre(IdOf(world, "a")));
    runtime.simulation().Sleep(absl::Hours(1));
    ContentWorld restarted(runtime);
    ASSERT_TRUE(restarted.holdings.Open().ok());
    EXPECT_TRUE(restarted.holdings.Groups().empty());
  });
}

// A group of one block of so many bytes that is not here yet.
Group GroupOf(uint32_t bytes, uint8_t number = 1) {
  const std::string digest(32, static_cast<char>(number));
  const Multihash id = *Multihash::FromDigest(HashCode::kSha2_256, AsBytes(digest));
  return {id, {}, {{id, bytes}}};
}

std::string Refusal(ContentWorld& world, const Group& group, const PeerId& owner,
                    const std::string& network = "") {
  const absl::StatusOr<Reservation> room = world.holdings.Admit(group, owner, network);
  return room.ok() ? "" : std::string(room.status().message());
}

TEST(Holdings, RefusesMoreThanAPeersQuotaAndTheStores) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime, 5 << 20);
    ASSERT_TRUE(world.holdings.Open().ok());
    ASSERT_TRUE(Hold(world, {std::string(1 << 19, 'x')}, TestPeer(1)).ok());
    const uint32_t rest = (1 << 19) - 2 * kOverhead;
    EXPECT_EQ(Refusal(world, GroupOf(rest), TestPeer(1)), "");
    EXPECT_THAT(Refusal(world, GroupOf(rest + 1), TestPeer(1)),
                testing::HasSubstr("placement.quota_per_peer"));
    EXPECT_EQ(Refusal(world, GroupOf(4 << 20), TestPeer(0)), "");
    EXPECT_THAT(Refusal(world, GroupOf(5 << 20), TestPeer(0)), testing::HasSubstr("storage.quota"));
  });
}

// Several pushes at once must not add up to more than one may.
TEST(Holdings, CountsWhatIsBeingReceived) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    ASSERT_TRUE(world.holdings.Open().ok());
    {
      const auto first = world.holdings.Admit(GroupOf(600'000, 1), TestPeer(1), "");
      ASSERT_TRUE(first.ok()) << first.status();
      EXPECT_THAT(Refusal(world, GroupOf(600'000, 2), TestPeer(1)),
                  testing::HasSubstr("placement.quota_per_peer"));
      EXPECT_EQ(Refusal(world, GroupOf(600'000, 2), TestPeer(2)), "");
    }
    EXPECT_EQ(Refusal(world, GroupOf(600'000, 2), TestPeer(1)), "");
    EXPECT_EQ(world.holdings.TotalBytes(), 0u);
  });
}

// A8: a hundred identities cost nothing, a hundred networks do.
TEST(Holdings, GivesAHundredIdentitiesOfOneNetworkNoMoreThanItsShare) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    ASSERT_TRUE(world.holdings.Open().ok());
    size_t accepted = 0;
    std::string refusal;
    for (uint8_t i = 1; i <= 100; ++i) {
      BlockService::Operation operation(world.blocks);
      const std::string content(500'000, static_cast<char>(i));
      const Multihash id = IdOf(world, content);
      const Group group{id, {}, {{id, 500'000}}};
      const auto room = world.holdings.Admit(group, TestPeer(i), "198.51.100.0/24");
      if (!room.ok()) {
        refusal = std::string(room.status().message());
        continue;
      }
      const Block block{id, Bytes::Copy(content)};
      ASSERT_TRUE(operation.Put({&block, 1}).ok());
      ASSERT_TRUE(
          world.holdings.Commit(group, {TestPeer(i), kForEver, "", "198.51.100.0/24"}).ok());
      ++accepted;
    }
    EXPECT_EQ(accepted, 8u);  // Of the network's 4 MiB.
    EXPECT_THAT(refusal, testing::HasSubstr("placement.quota_per_network"));
    EXPECT_THAT(refusal, testing::HasSubstr("198.51.100.0/24"));
    EXPECT_LE(world.store->Usage().bytes, uint64_t{4} << 20);
    EXPECT_EQ(Refusal(world, GroupOf(500'000), TestPeer(101), "203.0.113.0/24"), "");
    // The same after a restart, and given back.
    ASSERT_TRUE(world.holdings.Close().ok());
    ContentWorld restarted(runtime);
    restarted.slot.Swap(world.store);
    ASSERT_TRUE(restarted.holdings.Open().ok());
    EXPECT_NE(Refusal(restarted, GroupOf(500'000), TestPeer(101), "198.51.100.0/24"), "");
    const HeldGroup gone = restarted.holdings.List({}, 1).front();
    ASSERT_TRUE(restarted.holdings.Release(gone.group, gone.owner).ok());
    EXPECT_EQ(Refusal(restarted, GroupOf(500'000), TestPeer(101), "198.51.100.0/24"), "");
  });
}

// A8: tiny blocks cost memory rather than disk.
TEST(Holdings, RefusesMoreTinyBlocksThanAPeerMayLeave) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    ASSERT_TRUE(world.holdings.Open().ok());
    Group group = GroupOf(1);
    group.leaves.resize(1001, group.leaves.front());
    EXPECT_THAT(Refusal(world, group, TestPeer(1)),
                testing::HasSubstr("placement.blocks_per_peer: 0 of 1000 blocks"));
    group.leaves.pop_back();
    EXPECT_EQ(Refusal(world, group, TestPeer(1)), "");
  });
}

// A8: expiry set far ahead.
TEST(Holdings, GivesNoLongerLeaseThanItsOwnerAllows) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime, 1 << 30, {1 << 20, 4 << 20, 1000, absl::Hours(48)});
    const Time now = runtime.Now();
    EXPECT_EQ(*world.holdings.LeaseUntil(kForEver), now + absl::Hours(48));
    EXPECT_EQ(*world.holdings.LeaseUntil(absl::FromUnixSeconds(INT64_MAX)), now + absl::Hours(48));
    EXPECT_EQ(*world.holdings.LeaseUntil(now + absl::Hours(1)), now + absl::Hours(1));
    EXPECT_TRUE(absl::IsInvalidArgument(world.holdings.LeaseUntil(now).status()));
  });
}

TEST(Holdings, EndsExpiredPromisesWhenTheStoreIsFullAndNoOthers) {
  InWorld([](testkit::SimRuntime& runtime) {
    ContentWorld world(runtime, 1 << 20, {1 << 20, 4 << 20, 1000, absl::InfiniteDuration()});
    ASSERT_TRUE(world.holdings.Open().ok());
    const std::string half(480'000, 'a');
    const Time soon = runtime.Now() + absl::Minutes(10);
    ASSERT_TRUE(Hold(world, {half}, TestPeer(1), soon).ok());
    ASSERT_TRUE(Hold(world, {std::string(480'000, 'b')}, TestPeer(2)).ok());
    EXPECT_THAT(Refusal(world, GroupOf(300'000), TestPeer(3)), testing::HasSubstr("storage.quota"));
    EXPECT_EQ(world.stored_blocks(), 2u);
    runtime.simulation().Sleep(absl::Minutes(11));
    EXPECT_EQ(Refusal(world, GroupOf(300'000), TestPeer(3)), "");
    EXPECT_EQ(world.stored_blocks(), 1u);
    EXPECT_EQ(world.holdings.HeldFor(TestPeer(2)).size(), 1u);
  });
}

TEST(Holdings, ProlongsAPromiseAndNeverShortensIt) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    ASSERT_TRUE(world.holdings.Open().ok());
    const Time now = runtime.Now();
    ASSERT_TRUE(Hold(world, {"a"}, TestPeer(1), now + absl::Hours(2)).ok());
    const Multihash id = IdOf(world, "a");
    EXPECT_EQ(*world.holdings.Renew(id, TestPeer(1), now + absl::Hours(1)), now + absl::Hours(2));
    EXPECT_EQ(*world.holdings.Renew(id, TestPeer(1), now + absl::Hours(9)), now + absl::Hours(9));
    EXPECT_TRUE(absl::IsNotFound(world.holdings.Renew(id, TestPeer(2), kForEver).status()));
    EXPECT_EQ(world.holdings.HeldFor(TestPeer(1)).front().until, now + absl::Hours(9));
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
    EXPECT_EQ(restarted.holdings.BytesFor(TestPeer(1)), 2u + 2 * kOverhead);
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

TEST(Holdings, TellsServicesOfTheShareWithARecordThoughItsOwnUserKeepsTheSameGroup) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    ASSERT_TRUE(world.holdings.Open().ok());
    BlockService::Operation operation(world.blocks);
    const Group whole = PutGroup(world, operation, {"a", "b"});
    const Group share = PutGroup(world, operation, {"a", "piece"});
    ASSERT_TRUE(world.holdings.Commit(whole, {TestPeer(0)}).ok());
    ASSERT_TRUE(world.holdings.Commit(share, {TestPeer(1)}).ok());
    EXPECT_EQ(world.holdings.FindContent(whole.id)->blocks.leaves, whole.leaves);
    ASSERT_TRUE(world.holdings.Commit(share, {TestPeer(2), kForEver, "record"}).ok());
    const absl::StatusOr<HeldGroups::Content> content = world.holdings.FindContent(whole.id);
    ASSERT_TRUE(content.ok());
    EXPECT_EQ(content->record, "record");
    EXPECT_EQ(content->blocks.leaves, share.leaves);
    EXPECT_EQ(world.holdings.FindGroup(whole.id)->leaves, whole.leaves);
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
