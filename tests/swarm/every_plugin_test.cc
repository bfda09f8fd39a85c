// Whole nodes with every store, every chunker and every hasher that is built.
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>

#include "node_process.h"

namespace l2p {
namespace {

std::vector<std::string> Built(const std::string& kind) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(L2P_BUILT_PLUGINS "/" + kind)) {
    if (file.path().extension() == ".so") names.push_back(file.path().stem());
  }
  std::sort(names.begin(), names.end());
  return names;
}

struct Stored {
  std::string bytes;
  std::string id;
  std::string how;
};

class EveryStore : public ::testing::TestWithParam<std::string> {
 protected:
  Words Settings() const { return {"storage.plugin=" + GetParam()}; }
  bool forgets() const { return GetParam() == "memory"; }

  // A file for each chunker and hasher.
  void PutAll(NodeProcess& node, const Words& options) {
    size_t seed = 0;
    for (const std::string& chunker : Built("chunking")) {
      for (const std::string& hasher : Built("hashing")) {
        Stored file{SeededBytes(1'300'000 + 1000 * seed, 500 + seed), "", chunker + " " + hasher};
        ++seed;
        WriteFile(folder_ / "in", file.bytes);
        Words words = {"--chunker", chunker, "--hasher", hasher};
        words.insert(words.end(), options.begin(), options.end());
        file.id = node.Put(folder_ / "in", words);
        files_.push_back(std::move(file));
      }
    }
  }

  void ExpectAllFrom(NodeProcess& node) {
    for (const Stored& file : files_) {
      const std::string to = folder_ / "out";
      const Finished got = node.L2p({"get", file.id, "-o", to});
      EXPECT_EQ(got.exit_code, 0) << file.how << ": " << got.err;
      EXPECT_TRUE(ReadFile(to) == file.bytes) << file.how;
      std::filesystem::remove(to);
    }
  }

  TempFolder folder_;
  std::vector<Stored> files_;
};

TEST_P(EveryStore, PutsAndGetsAndStillHasItAfterARestart) {
  NodeProcess node(Settings());
  ASSERT_TRUE(node.Start());
  PutAll(node, {"--local"});
  EXPECT_GE(files_.size(), 9u);
  ExpectAllFrom(node);
  node.Signal(SIGTERM);
  ASSERT_EQ(node.Wait(), 0);
  ASSERT_TRUE(node.Start());
  if (forgets()) {
    EXPECT_EQ(node.Status("blocks"), 0u);
    EXPECT_EQ(node.L2p({"cat", files_[0].id}).exit_code, 3);
  } else {
    ExpectAllFrom(node);
  }
}

TEST_P(EveryStore, HoldsForOthersThroughAKill) {
  NodeProcess holder(Settings());
  ASSERT_TRUE(holder.Start());
  Words settings = Settings();
  settings.push_back("network.bootstrap=" + holder.address());
  NodeProcess uploader(settings);
  ASSERT_TRUE(uploader.Start());
  ASSERT_TRUE(uploader.AwaitPeers(1));
  if (forgets()) {
    WriteFile(folder_ / "in", SeededBytes(10'000, 1));
    const Finished put =
        uploader.L2p({"put", "--redundancy", "copies:1", "--strict", folder_ / "in"});
    EXPECT_EQ(put.exit_code, 1) << "a store that forgets holds nothing for others";
    return;
  }
  PutAll(uploader, {"--redundancy", "copies:1", "--strict"});
  uploader.Kill();
  holder.Kill();
  ASSERT_TRUE(holder.Start());
  NodeProcess reader({"storage.plugin=" + GetParam(), "network.bootstrap=" + holder.address()});
  ASSERT_TRUE(reader.Start());
  ASSERT_TRUE(reader.AwaitPeers(1));
  ExpectAllFrom(reader);
}

INSTANTIATE_TEST_SUITE_P(Nodes, EveryStore, ::testing::ValuesIn(Built("storage")),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace l2p
