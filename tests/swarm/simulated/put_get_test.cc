// What a user does while nothing goes wrong: put, get, folders, files of all sizes, rm.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "l2p/testkit/conformance.h"
#include "tests/swarm/simulated/sim_swarm.h"

namespace l2p {
namespace {

using testkit::TestBytes;
using Type = Input::Entry::Type;

TEST(SimulatedSwarm, GetsFromAFreshNodeWhatAnotherPut) {
  SimSwarm swarm({.nodes = 20});
  swarm.Run([&] {
    const std::string content = TestBytes(1, 1'000'000);
    const auto put = swarm.Put(3, content);
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_EQ(put->shortfall, "");
    EXPECT_EQ(put->outcome->fewest_copies, 3u);
    EXPECT_EQ(swarm.Holders(put->id, 3).size(), 3u);
    const auto got = swarm.Get(swarm.AddNode(), put->id);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->lone(), content);
  });
}

TEST(SimulatedSwarm, PutsAndGetsByAListOfPeersToo) {
  SimSwarm swarm({.nodes = 6,
                  .settings = {"routing.plugin=static"},
                  .plugins = {BuiltPlugin("routing", "static")}});
  swarm.Run([&] {
    const std::string content = TestBytes(1, 1'000'000);
    const auto put = swarm.Put(3, content);
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_EQ(put->shortfall, "");
    swarm.Kill(3);
    const auto got = swarm.Get(swarm.AddNode(), put->id);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->lone(), content);
  });
}

TEST(SimulatedSwarm, FetchesFromAllHoldersAtOnce) {
  for (const uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(seed);
    SimSwarm swarm({.nodes = 10, .seed = seed, .network = {.up = 1'000'000, .down = 10'000'000}});
    swarm.Run([&] {
      const std::string content = TestBytes(1, 6'000'000);
      const auto put = swarm.Put(1, content);
      ASSERT_TRUE(put.ok()) << put.status();
      swarm.Kill(1);
      const auto got = swarm.Get(swarm.AddNode(), put->id);
      ASSERT_TRUE(got.ok()) << got.status();
      uint64_t bytes = 0;
      for (const Exchange::Served& served : got->served) {
        EXPECT_GT(served.bytes, content.size() / 5);
        bytes += served.bytes;
      }
      EXPECT_EQ(got->served.size(), 3u);
      EXPECT_LT(bytes, content.size() + content.size() / 10) << "blocks are fetched twice";
      EXPECT_LT(got->took, absl::Seconds(4)) << "2 s are the least";
    });
  }
}

TEST(SimulatedSwarm, KeepsFilesOfAnySize) {
  SimSwarm swarm({.nodes = 6});
  swarm.Run([&] {
    for (const size_t size : {0, 1, 16 * 1024 - 1, 16 * 1024, 16 * 1024 + 1, 700'000}) {
      SCOPED_TRACE(size);
      const std::string content = TestBytes(size, size);
      const auto put = swarm.Put(2, content);
      ASSERT_TRUE(put.ok()) << put.status();
      EXPECT_EQ(put->size, size);
      EXPECT_EQ(put->shortfall, "");
      const std::vector<size_t> holders = swarm.Holders(put->id, 2);
      EXPECT_EQ(holders.size(), 3u);
      for (size_t reader = 0; reader < swarm.size(); ++reader) {
        const auto got = swarm.Get(reader, put->id);
        ASSERT_TRUE(got.ok()) << got.status();
        EXPECT_EQ(got->lone(), content);
      }
    }
  });
}

TEST(SimulatedSwarm, KeepsAFileOfSeveralGroups) {
  SimSwarm swarm({.nodes = 8});
  swarm.Run([&] {
    const std::string content = TestBytes(1, 2500 * 1024 + 5);
    Content::PutOptions options;
    options.chunker = "fixed:1KiB";
    const auto put = swarm.Put(1, content, options);
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_EQ(put->shortfall, "");
    const auto files = swarm.node(1).content().Files();
    ASSERT_TRUE(files.ok());
    EXPECT_EQ(files->at(0).groups.size(), 4u) << "2,501 leaves are 3 groups, below a root";
    swarm.Kill(1);
    const auto got = swarm.Get(swarm.AddNode(), put->id);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->lone(), content);
  });
}

TEST(SimulatedSwarm, KeepsAFolder) {
  SimSwarm swarm({.nodes = 6});
  swarm.Run([&] {
    std::vector<ListedInput::Item> items;
    std::map<std::string, std::string> wanted;
    for (int i = 0; i < 40; ++i) {
      const std::string path = absl::StrCat("docs/", i % 3, "/file", i);
      wanted[path] = TestBytes(i, i * 1000);
      items.push_back({Type::kFile, path, wanted[path]});
    }
    items.push_back({Type::kFolder, "empty", ""});
    items.push_back({Type::kLink, "latest", "docs/0/file0"});
    ListedInput input(items);
    Content::PutOptions options = SimSwarm::SmallChunks();
    options.name = "things";
    const auto put = swarm.Put(1, input, options);
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_EQ(put->shortfall, "");
    swarm.Kill(1);
    const auto got = swarm.Get(swarm.AddNode(), put->id);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->files, wanted);
  });
}

// Many more of a node than one holder takes of it at once.
TEST(SimulatedSwarm, FinishesManyPutsAtOnce) {
  SimSwarm swarm({.nodes = 5});
  swarm.Run([&] {
    constexpr size_t kPuts = 24;
    std::vector<absl::StatusOr<Content::PutResult>> puts(kPuts, absl::UnknownError("not run"));
    const auto ended = swarm.simulation().NewEvent();
    size_t running = kPuts;
    for (size_t i = 0; i < kPuts; ++i) {
      swarm.simulation().Start("put", [&, i] {
        puts[i] = swarm.Put(i % 2, TestBytes(i, 400'000));
        if (--running == 0) ended->Set();
      });
    }
    ended->Wait(absl::InfiniteFuture());
    for (size_t i = 0; i < kPuts; ++i) {
      ASSERT_TRUE(puts[i].ok()) << puts[i].status();
      EXPECT_EQ(puts[i]->shortfall, "");
      const auto got = swarm.Get(4, puts[i]->id);
      ASSERT_TRUE(got.ok()) << got.status();
      EXPECT_EQ(got->lone(), TestBytes(i, 400'000));
    }
    EXPECT_EQ(swarm.node(0).content().Files()->size(), kPuts / 2);
  });
}

TEST(SimulatedSwarm, TakesNoRoomForTheSameFileTwice) {
  SimSwarm swarm({.nodes = 5});
  swarm.Run([&] {
    const std::string content = TestBytes(1, 300'000);
    const auto first = swarm.Put(1, content);
    ASSERT_TRUE(first.ok()) << first.status();
    std::vector<uint64_t> blocks;
    for (size_t i = 0; i < swarm.size(); ++i)
      blocks.push_back(swarm.node(i).GetStatus().store.blocks);
    const auto again = swarm.Put(1, content);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->id, first->id);
    EXPECT_EQ(swarm.node(1).content().Files()->size(), 1u);
    // What one holds for itself and what it holds for another do not add up either.
    const auto other = swarm.Put(2, content);
    ASSERT_TRUE(other.ok()) << other.status();
    for (const size_t i : swarm.Holders(first->id, 2)) {
      if (blocks[i] == 0) continue;
      EXPECT_EQ(swarm.node(i).GetStatus().store.blocks, blocks[i]) << i;
    }
  });
}

TEST(SimulatedSwarm, FreesSpaceWhenAFileIsRemoved) {
  SimSwarm swarm({.nodes = 5});
  swarm.Run([&] {
    Content::PutOptions options = SimSwarm::SmallChunks();
    options.name = "large";
    const auto large = swarm.Put(1, TestBytes(1, 6'000'000), options);
    ASSERT_TRUE(large.ok()) << large.status();
    const auto small = swarm.Put(1, TestBytes(2, 100'000));
    ASSERT_TRUE(small.ok()) << small.status();
    const BlockStore::StoreUsage full = swarm.node(1).GetStatus().store;
    ASSERT_GT(full.disk_bytes, 6'000'000u);

    ASSERT_TRUE(swarm.node(1).content().Remove("large").ok());
    EXPECT_EQ(swarm.node(1).content().Files()->size(), 1u);
    EXPECT_LT(swarm.node(1).GetStatus().store.bytes, 110'000u);
    swarm.simulation().Sleep(absl::Minutes(5));
    EXPECT_LT(swarm.node(1).GetStatus().store.disk_bytes, full.disk_bytes / 3);

    // The holders have heard of it, and all keep what was not removed.
    EXPECT_TRUE(swarm.Holders(large->id, 1).empty());
    EXPECT_EQ(swarm.Holders(small->id, 1).size(), 3u);
    EXPECT_EQ(swarm.Get(1, small->id, true)->lone(), TestBytes(2, 100'000));
  });
}

TEST(SimulatedSwarm, KeepsAFetchedFileAsItsOwn) {
  SimSwarm swarm({.nodes = 5});
  swarm.Run([&] {
    const std::string content = TestBytes(1, 500'000);
    const auto put = swarm.Put(1, content);
    ASSERT_TRUE(put.ok()) << put.status();
    const size_t keeper = swarm.AddNode();
    const absl::Status kept = swarm.node(keeper).content().Keep(put->id, "mine");
    ASSERT_TRUE(kept.ok()) << kept;
    EXPECT_EQ(swarm.node(keeper).content().FindRoot("mine")->size, content.size());
    EXPECT_EQ(swarm.Get(keeper, put->id, true)->lone(), content);
    ASSERT_TRUE(swarm.node(keeper).content().Remove("mine").ok());
    EXPECT_EQ(swarm.node(keeper).GetStatus().store.blocks, 0u);
  });
}

TEST(SimulatedSwarm, CutsByContent) {
  SimSwarm swarm({.nodes = 5,
                  .settings = {"chunking.plugin=fastcdc", "chunking.fastcdc.min=2KiB",
                               "chunking.fastcdc.average=8KiB", "chunking.fastcdc.max=32KiB"}});
  swarm.Run([&] {
    const std::string content = TestBytes(1, 1'000'000);
    ASSERT_TRUE(swarm.Put(1, content, {}).ok());
    const uint64_t before = swarm.node(1).GetStatus().store.bytes;
    const auto put = swarm.Put(1, "a new beginning" + content, {});
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_LT(swarm.node(1).GetStatus().store.bytes, before + 100'000);
    EXPECT_EQ(swarm.Get(4, put->id)->lone(), "a new beginning" + content);
  });
}

}  // namespace
}  // namespace l2p
