// storage.plugin is edited under a real node, which is killed again and again while it moves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "node_process.h"

namespace l2p {
namespace {

using ::testing::HasSubstr;

constexpr size_t kFiles = 8;
constexpr size_t kFileBytes = 8 << 20;

class Moving : public ::testing::Test {
 protected:
  Moving() : node_({"-c", folder_ / "own", "log.level=info"}) { Use("pack"); }

  void Use(const std::string& store) {
    WriteFile(folder_ / "own", "storage.plugin = " + store + "\n");
  }

  void PutFiles() {
    for (size_t i = 0; i < kFiles; ++i) {
      WriteFile(folder_ / "in", SeededBytes(kFileBytes, 900 + i));
      ids_.push_back(node_.Put(folder_ / "in", {"--local"}));
    }
  }

  void ExpectReadable(size_t i) {
    const Finished cat = node_.L2p({"cat", ids_[i]});
    EXPECT_EQ(cat.exit_code, 0) << cat.err;
    EXPECT_TRUE(cat.out == SeededBytes(kFileBytes, 900 + i)) << i;
  }

  std::vector<std::string> Stores() const {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(node_.data_dir() + "/storage")) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  TempFolder folder_;
  NodeProcess node_;
  std::vector<std::string> ids_;
};

TEST_F(Moving, FromStoreToStoreThroughKillsEverythingStaysReadable) {
  ASSERT_TRUE(node_.Start());
  PutFiles();
  node_.Kill();
  size_t at_work = 0;
  for (const char* store : {"sqlite", "filesystem", "pack"}) {
    Use(store);
    // Each time a little later; then to the end.
    for (size_t kill = 0; kill < 3; ++kill) {
      ASSERT_TRUE(node_.Start());
      const Finished status = node_.L2p({"status"});
      if (status.out.find(std::string(" to ") + store + ": ") != std::string::npos) ++at_work;
      for (size_t i = 0; i < kill; ++i) ExpectReadable((kill * 5 + i) % kFiles);
      node_.Kill();
    }
    ASSERT_TRUE(node_.Start());
    WriteFile(folder_ / "in", store);
    const std::string meanwhile = node_.Put(folder_ / "in", {"--local"});
    ASSERT_TRUE(Stores().size() == 1 ||
                node_.AwaitLog(std::string("all blocks have moved to ") + store));
    for (size_t i = 0; i < kFiles; ++i) ExpectReadable(i);
    EXPECT_EQ(node_.L2p({"cat", meanwhile}).out, store);
    EXPECT_THAT(Stores(), ::testing::ElementsAre(store));
    node_.Kill();
  }
  EXPECT_GT(at_work, 0u) << "some of the kills came while blocks moved, and l2p status said so";
}

TEST_F(Moving, ToAStoreThatForgetsIsRefusedWithAWayOut) {
  ASSERT_TRUE(node_.Start());
  WriteFile(folder_ / "in", "kept");
  node_.Put(folder_ / "in", {"--local"});
  node_.Kill();
  Use("memory");
  const Finished refused = node_.StartInVain();
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("set storage.plugin = pack"));
}

}  // namespace
}  // namespace l2p
