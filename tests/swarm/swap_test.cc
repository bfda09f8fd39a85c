// Plugins are swapped in a real node while it works.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "node_process.h"

namespace l2p {
namespace {

using ::testing::HasSubstr;

std::string Trimmed(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

class Swap : public ::testing::Test {
 protected:
  Swap() : bytes_(SeededBytes(9'000'000, 77)) {
    WriteFile(folder_ / "file", bytes_);
    WriteFile(folder_ / "own", "");
  }

  // What --only-hash says with a chunker.
  std::string IdWith(NodeProcess& node, const std::string& chunker) {
    return node.Put(folder_ / "file", {"--only-hash", "--chunker", chunker});
  }

  // Waits until a put has begun.
  static bool Reads(NodeProcess& node) {
    for (int tries = 0; tries < 1000; ++tries) {
      if (node.Status("memory_used") > 0) return true;
    }
    return false;
  }

  TempFolder folder_;
  const std::string bytes_;
};

TEST_F(Swap, APutThatRunsEndsWithTheChunkerThatItBeganWith) {
  NodeProcess node;
  ASSERT_TRUE(node.Start());
  const std::string with_fixed = IdWith(node, "fixed");
  const std::string with_fastcdc = IdWith(node, "fastcdc");
  ASSERT_NE(with_fixed, with_fastcdc);

  Pipe pipe;
  const auto put = node.BeginL2p({"put", "--local", "-"}, pipe.reading_end(), folder_ / "printed");
  pipe.Write(bytes_.substr(0, 3'000'000));
  ASSERT_TRUE(Reads(node));
  const Finished swapped = node.L2p({"swap", "chunking", "fastcdc"});
  EXPECT_EQ(swapped.exit_code, 0) << swapped.err;
  EXPECT_THAT(swapped.out, HasSubstr("chunking fastcdc"));
  pipe.Write(bytes_.substr(3'000'000));
  pipe.Close();
  ASSERT_EQ(put->Wait(absl::Seconds(30)), 0);
  EXPECT_EQ(Trimmed(ReadFile(folder_ / "printed")), with_fixed);
  EXPECT_EQ(node.Put(folder_ / "file", {"--local"}), with_fastcdc);
  EXPECT_TRUE(node.L2p({"cat", with_fixed}).out == bytes_) << "what was stored before is there";

  node.Kill();
  ASSERT_TRUE(node.Start());
  EXPECT_EQ(node.Put(folder_ / "file", {"--only-hash"}), with_fastcdc) << "it was recorded";
}

TEST_F(Swap, AnEditedFileAndSighupDoTheSame) {
  NodeProcess node({"-c", folder_ / "own", "log.level=info"});
  ASSERT_TRUE(node.Start());
  const std::string small = IdWith(node, "fixed:64KiB");
  WriteFile(folder_ / "own", "chunking.fixed.size = 64KiB\nnode.tasks = 99\n");
  node.Signal(SIGHUP);
  ASSERT_TRUE(node.AwaitLog("settings read again"));
  EXPECT_EQ(node.Put(folder_ / "file", {"--only-hash"}), small);
  EXPECT_THAT(node.log(), HasSubstr("count from the next start: node.tasks"));

  WriteFile(folder_ / "own", "chunking.fixed.sise = 1KiB\n");
  node.Signal(SIGHUP);
  ASSERT_TRUE(node.AwaitLog("not taken over"));
  EXPECT_THAT(node.log(), HasSubstr("did you mean"));
  EXPECT_EQ(node.Put(folder_ / "file", {"--only-hash"}), small) << "and the old ones hold";
}

TEST_F(Swap, WhatCannotBeSwappedSaysHowItIsDone) {
  NodeProcess node;
  ASSERT_TRUE(node.Start());
  const Finished storage = node.L2p({"swap", "storage", "memory"});
  EXPECT_EQ(storage.exit_code, 2);
  EXPECT_THAT(storage.err, HasSubstr("not yet: restart with storage.plugin=memory"));
  const Finished unknown = node.L2p({"swap", "chunking", "fastcd"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean 'fastcdc'"));
  EXPECT_EQ(node.L2p({"swap", "chunking"}).exit_code, 2);
  EXPECT_EQ(node.L2p({"swap", "chunking", "fixed", "size"}).exit_code, 2);
  const Finished setting = node.L2p({"swap", "chunking", "fixed", "size=3MiB"});
  EXPECT_EQ(setting.exit_code, 1);
  EXPECT_THAT(setting.err, HasSubstr("size"));
}

}  // namespace
}  // namespace l2p
