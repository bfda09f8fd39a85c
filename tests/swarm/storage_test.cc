// What a node keeps on disk: through kill -9, and within its quotas.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "node_process.h"

namespace l2p {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr size_t kMiB = 1 << 20;

TEST(Storage, AKilledNodeKeepsWhatItAcknowledgedAndDropsTheRest) {
  const TempFolder folder;
  NodeProcess node;
  ASSERT_TRUE(node.Start());
  const std::string kept = SeededBytes(5 * kMiB, 31);
  WriteFile(folder / "kept", kept);
  const std::string id = node.Put(folder / "kept", {"--local"});
  const uint64_t blocks = node.Status("blocks");
  const uint64_t disk = node.Status("disk_bytes");

  Pipe pipe;
  const std::unique_ptr<ChildProcess> put =
      node.BeginL2p({"put", "--local", "-"}, pipe.reading_end());
  pipe.Write(SeededBytes(48 * kMiB, 32));
  EXPECT_GT(node.Status("disk_bytes"), disk) << "the second put was on its way";
  node.Kill();
  pipe.Close();
  EXPECT_EQ(put->Wait(absl::Seconds(10)), 1);

  ASSERT_TRUE(node.Start());
  EXPECT_TRUE(node.L2p({"cat", id}).out == kept);
  const Finished files = node.L2p({"--json", "files"});
  EXPECT_THAT(files.out, HasSubstr(id));
  EXPECT_EQ(files.out.find("\"id\""), files.out.rfind("\"id\"")) << files.out;
  EXPECT_TRUE(node.AwaitStatus("blocks", blocks));
  EXPECT_TRUE(node.AwaitStatus("disk_bytes", disk + kMiB)) << node.Status("disk_bytes");
}

TEST(Storage, APutThatIsCutOffLeavesNothing) {
  NodeProcess node;
  ASSERT_TRUE(node.Start());
  Pipe pipe;
  {
    const std::unique_ptr<ChildProcess> put =
        node.BeginL2p({"put", "--local", "-"}, pipe.reading_end());
    pipe.Write(SeededBytes(16 * kMiB, 33));
  }
  EXPECT_TRUE(node.AwaitStatus("blocks", 0));
  EXPECT_TRUE(node.AwaitStatus("disk_bytes", kMiB)) << node.Status("disk_bytes");
  EXPECT_EQ(node.L2p({"files"}).out, "");
}

TEST(Storage, APutOverTheQuotaFailsAndFreesItsSpace) {
  const TempFolder folder;
  NodeProcess node({"storage.quota=16MiB"});
  ASSERT_TRUE(node.Start());
  WriteFile(folder / "large", SeededBytes(32 * kMiB, 34));
  WriteFile(folder / "small", SeededBytes(8 * kMiB, 35));
  const Finished put = node.L2p({"put", "--local", folder / "large"});
  EXPECT_EQ(put.exit_code, 1);
  EXPECT_THAT(put.err, HasSubstr("storage.quota"));
  EXPECT_TRUE(node.AwaitStatus("blocks", 0));
  EXPECT_EQ(node.L2p({"files"}).out, "");
  EXPECT_TRUE(node.AwaitStatus("disk_bytes", 4 * kMiB)) << node.Status("disk_bytes");
  const std::string id = node.Put(folder / "small", {"--local"});
  EXPECT_TRUE(node.L2p({"cat", id}).out == ReadFile(folder / "small"));
}

TEST(Storage, ThePeersQuotaCountsWhatWasHeldBeforeARestart) {
  const TempFolder folder;
  NodeProcess uploader;
  ASSERT_TRUE(uploader.Start());
  NodeProcess holder({"placement.quota_per_peer=6MiB", "network.bootstrap=" + uploader.address()});
  ASSERT_TRUE(holder.Start());
  WriteFile(folder / "first", SeededBytes(4 * kMiB, 36));
  WriteFile(folder / "second", SeededBytes(4 * kMiB, 37));
  const Words one = {"--redundancy", "copies:1", "--strict"};
  uploader.Put(folder / "first", one);

  holder.Kill();
  ASSERT_TRUE(holder.Start());
  ASSERT_EQ(uploader.L2p({"connect", holder.address()}).exit_code, 0);
  EXPECT_EQ(holder.Status("held_groups"), 1u);
  const Finished put =
      uploader.L2p({"put", folder / "second", "--redundancy", "copies:1", "--strict"});
  EXPECT_EQ(put.exit_code, 1);
  EXPECT_THAT(put.err, HasSubstr("placement.quota_per_peer"));
  EXPECT_EQ(holder.Status("held_groups"), 1u);
}

}  // namespace
}  // namespace l2p
