// Six real nodes on loopback.
#include <gtest/gtest.h>
#include <signal.h>

#include "node_process.h"

namespace l2p {
namespace {

constexpr size_t kFile = 48 << 20;

class Processes : public ::testing::Test {
 protected:
  Processes() : nodes_(StartSwarm(5)), bytes_(SeededBytes(kFile, 11)) {
    WriteFile(folder_ / "file", bytes_);
  }

  // A new node that knows the second one, and what it got.
  Finished GetOnANewNode(const std::string& id) {
    NodeProcess node({"network.bootstrap=" + nodes_[1]->address()});
    if (!node.Start()) return {};
    const TempFolder target;
    const Finished got = node.L2p({"--json", "get", id, "-o", target / "got"});
    EXPECT_EQ(got.exit_code, 0) << got.err;
    EXPECT_TRUE(ReadFile(target / "got") == bytes_);
    return got;
  }

  static bool Served(const Finished& got, const NodeProcess& node) {
    return got.out.find(node.peer()) != std::string::npos;
  }

  TempFolder folder_;
  std::vector<std::unique_ptr<NodeProcess>> nodes_;
  const std::string bytes_;
};

TEST_F(Processes, AFileOutlivesItsKilledUploader) {
  const Finished put = nodes_[0]->L2p({"--json", "put", folder_ / "file"});
  ASSERT_EQ(put.exit_code, 0) << put.err;
  EXPECT_EQ(put.err.find("stored on"), std::string::npos) << put.err;
  EXPECT_EQ(JsonField(put.out, "copies"), "3");
  EXPECT_EQ(JsonField(put.out, "complete"), "true");
  nodes_[0]->Kill();
  const Finished got = GetOnANewNode(JsonField(put.out, "id"));
  EXPECT_FALSE(Served(got, *nodes_[0]));
}

TEST_F(Processes, AStoppedUploaderDelaysAReaderByLessThanThreeSeconds) {
  const std::string id = nodes_[0]->Put(folder_ / "file");
  const Finished undisturbed = GetOnANewNode(id);
  nodes_[0]->Signal(SIGSTOP);
  const Finished disturbed = GetOnANewNode(id);
  EXPECT_LE(disturbed.took, undisturbed.took + absl::Seconds(3));
  nodes_[0]->Signal(SIGCONT);
}

TEST_F(Processes, AStoppedHolderDelaysAReaderByLessThanThreeSeconds) {
  const std::string id = nodes_[0]->Put(folder_ / "file");
  const Finished undisturbed = GetOnANewNode(id);
  // With five nodes three of these four hold it; new nodes join by the second.
  size_t stopped = 0;
  for (size_t i : {0, 2, 3, 4}) {
    if (stopped == 1 || !Served(undisturbed, *nodes_[i])) continue;
    nodes_[i]->Signal(SIGSTOP);
    ++stopped;
  }
  ASSERT_EQ(stopped, 1u) << undisturbed.out;
  const Finished disturbed = GetOnANewNode(id);
  EXPECT_LE(disturbed.took, undisturbed.took + absl::Seconds(3));
}

}  // namespace
}  // namespace l2p
