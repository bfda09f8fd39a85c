#include "l2p/group.h"

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "kernel/content/dag_keeper.h"
#include "l2p/cid.h"
#include "l2p/dag_pb.h"
#include "tests/kernel/content/content_world.h"

namespace l2p {
namespace {

using Type = Input::Entry::Type;

// What the groups of a dag must be, worked out from its stored blocks alone.
class DagWalk {
 public:
  explicit DagWalk(BlockService& blocks) : blocks_(blocks) {}

  size_t LeavesBelow(const Cid& id) {
    if (auto known = leaves_.find(id); known != leaves_.end()) return known->second;
    const std::vector<Cid> links = LinksOf(id);
    size_t sum = links.empty() ? 1 : 0;
    for (const Cid& link : links) sum += LeavesBelow(link);
    return leaves_[id] = sum;
  }

  // Collects the groups at and below `id`, whose parent is in none that it could be part of.
  void Groups(const Cid& id, std::map<Multihash, std::set<Multihash>>& out) {
    if (LeavesBelow(id) <= kMaxGroupLeaves) {
      Collect(id, out[id.hash()]);
      return;
    }
    out[id.hash()] = {id.hash()};
    for (const Cid& link : LinksOf(id)) Groups(link, out);
  }

 private:
  std::vector<Cid> LinksOf(const Cid& id) {
    if (id.codec() != Codec::kDagPb) return {};
    std::vector<Cid> links;
    const DagNode node = *DecodeDagPb(*blocks_.Get(id.hash()));
    for (const DagLink& link : node.links) links.push_back(link.cid);
    return links;
  }
  void Collect(const Cid& id, std::set<Multihash>& out) {
    out.insert(id.hash());
    for (const Cid& link : LinksOf(id)) Collect(link, out);
  }

  BlockService& blocks_;
  std::map<Cid, size_t> leaves_;
};

std::map<Multihash, std::set<Multihash>> AsSets(const std::vector<Group>& groups) {
  std::map<Multihash, std::set<Multihash>> sets;
  for (const Group& group : groups) {
    EXPECT_TRUE(sets.try_emplace(group.id).second) << "handed over twice";
    std::set<Multihash>& set = sets[group.id];
    for (const BlockRef& block : group.nodes) EXPECT_TRUE(set.insert(block.id).second);
    for (const BlockRef& block : group.leaves) EXPECT_TRUE(set.insert(block.id).second);
    EXPECT_LE(group.leaves.size(), kMaxGroupLeaves);
    const BlockRef& first = group.nodes.empty() ? group.leaves[0] : group.nodes[0];
    EXPECT_EQ(first.id, group.id);
  }
  return sets;
}

void CheckGroups(ContentWorld& world, const ImportOptions& options, ListedInput input) {
  std::vector<Group> groups;
  absl::StatusOr<ImportResult> result = ImportAll(world, options, input, &groups);
  ASSERT_TRUE(result.ok()) << result.status();
  std::map<Multihash, std::set<Multihash>> expected;
  DagWalk(world.blocks).Groups(result->root, expected);
  EXPECT_EQ(AsSets(groups), expected);
  EXPECT_EQ(groups.back().id, result->root.hash());
  std::vector<int64_t> sizes(1);
  for (const Group& group : groups) {
    for (const BlockRef& block : group.leaves) {
      ASSERT_TRUE(world.blocks.Has({&block.id, 1}, sizes).ok());
      ASSERT_EQ(sizes[0], block.size);
    }
  }
}

TEST(Groups, AreTheLargestSubtreesOfFilesOfAnyShape) {
  InWorld([](Runtime& runtime) {
    const size_t shapes[][2] = {{2, 1},       {2, 2},       {2, 3},       {2, 1023},
                                {2, 1024},    {2, 1025},    {2, 5000},    {3, 3000},
                                {32, 1024},   {32, 1025},   {32, 3333},   {174, 1044},
                                {174, 1045},  {1024, 1024}, {1024, 1025}, {1024, 2049},
                                {1000, 1024}, {1000, 2000}, {1000, 3001}};
    for (const auto& [links, chunks] : shapes) {
      SCOPED_TRACE(absl::StrCat(links, " links, ", chunks, " chunks"));
      ContentWorld world(runtime);
      const Profile profile = ProfileOf(absl::StrCat("size=64 links=", links));
      CheckGroups(world, OptionsFor(world, profile), ListedInput(TestStream(9, chunks * 64)));
    }
  });
}

TEST(Groups, AreTheLargestSubtreesOfFoldersFlatAndSharded) {
  InWorld([](Runtime& runtime) {
    for (const char* line : {"size=64 links=8 hamt=1048576", "size=64 links=8 hamt=0"}) {
      SCOPED_TRACE(line);
      ContentWorld world(runtime);
      std::vector<ListedInput::Item> items;
      for (uint32_t i = 0; i < 60; ++i) {
        const std::string folder = i % 3 == 0 ? "" : absl::StrCat("folder", i % 3, "/");
        items.push_back({Type::kFile, absl::StrCat(folder, "file", i),
                         TestStream(i % 50 + 1, i % 7 == 0 ? 64 * 1100 : 64 * i)});
      }
      items.push_back({Type::kFolder, "empty", ""});
      items.push_back({Type::kLink, "link", "file0"});
      CheckGroups(world, OptionsFor(world, ProfileOf(line)), ListedInput(items));
    }
  });
}

TEST(Groups, OfAFileOfEqualBlocksAreHandedOverOnce) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    const Profile profile = ProfileOf("size=64 links=16");
    CheckGroups(world, OptionsFor(world, profile), ListedInput(std::string(64 * 5000, '\0')));
  });
}

// Pushing group n overlaps cutting group n + 1 only if it is handed over by then.
TEST(Groups, AreHandedOverAsSoonAsTheyAreCertain) {
  InWorld([](Runtime& runtime) {
    ContentWorld world(runtime);
    BlockService::Operation operation(world.blocks);
    ListedInput input(TestStream(3, 64 * 1024 * 4 + 1));
    uint64_t read = 0;
    std::vector<uint64_t> read_at;
    absl::StatusOr<ImportResult> result = Import(
        runtime, world.memory, &operation, OptionsFor(world, ProfileOf("size=64 links=1024")),
        input,
        [&](Group group) {
          int64_t size = -1;
          EXPECT_TRUE(world.blocks.Has({&group.id, 1}, {&size, 1}).ok());
          EXPECT_GT(size, 0) << "a group comes when its blocks are stored";
          read_at.push_back(world.store->Usage().bytes);
          return absl::OkStatus();
        },
        [&](uint64_t bytes) { read = bytes; });
    ASSERT_TRUE(result.ok());
    EXPECT_EQ(read, 64u * 1024 * 4 + 1);
    ASSERT_EQ(read_at.size(), 6u);  // Four full ones, the last chunk's, the root.
    for (int i = 0; i < 4; ++i) EXPECT_LT(read_at[i], 64u * 1024 * (i + 1) + 200'000);
  });
}

TEST(Groups, OfAKeptDagAreThoseOfThePut) {
  InWorld([](Runtime& runtime) {
    ContentWorld source(runtime);
    ContentWorld target(runtime);
    std::vector<ListedInput::Item> items;
    for (uint32_t i = 0; i < 30; ++i) {
      items.push_back({Type::kFile, absl::StrCat("file", i), TestStream(i / 2 + 1, 64 * 90 * i)});
    }
    ListedInput input(items);
    std::vector<Group> groups;
    absl::StatusOr<ImportResult> put =
        ImportAll(source, OptionsFor(source, ProfileOf("size=64 links=8 hamt=0")), input, &groups);
    ASSERT_TRUE(put.ok());

    LocalSource blocks(source.blocks);
    Draft draft(runtime, target.blocks, target.holdings);
    absl::StatusOr<Subtree> kept = KeepDag(blocks, put->root, draft, absl::InfiniteFuture());
    ASSERT_TRUE(kept.ok()) << kept.status();
    EXPECT_EQ(kept->dag_bytes, put->dag_bytes);
    std::set<Multihash> expected;
    for (const Group& group : groups) expected.insert(group.id);
    EXPECT_EQ(std::set<Multihash>(draft.groups().begin(), draft.groups().end()), expected);
    EXPECT_EQ(target.stored_blocks(), source.stored_blocks());
  });
}

TEST(PackedBlocks, AreListedOnceInOrder) {
  const Multihash a = HashOf(Sha256Hasher(), AsBytes("a"));
  const Multihash b = HashOf(Sha256Hasher(), AsBytes("b"));
  std::string packed;
  for (const Multihash& id : {b, a, b}) AppendPacked({id, 300}, packed);
  EXPECT_EQ(UnpackDistinct(AsBytes(packed)), (std::vector<BlockRef>{{b, 300}, {a, 300}}));
  EXPECT_EQ(UnpackDistinct(AsBytes(packed).first(packed.size() - 1)), std::nullopt);
}

}  // namespace
}  // namespace l2p
