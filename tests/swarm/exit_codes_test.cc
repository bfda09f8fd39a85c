// What l2pkernel and l2p exit with, and what they say when it is not 0.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "node_process.h"

namespace l2p {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::Duration kDrainLimit = absl::Seconds(11);

TEST(Kernel, ExitsWithZeroOnceItHasDrained) {
  NodeProcess node;
  ASSERT_TRUE(node.Start());
  node.Signal(SIGTERM);
  EXPECT_EQ(node.Wait(kDrainLimit), 0) << node.log();
  EXPECT_FALSE(std::filesystem::exists(node.socket()));
}

TEST(Kernel, DrainsInTimeWithAPutRunning) {
  NodeProcess node;
  ASSERT_TRUE(node.Start());
  Pipe pipe;
  const std::unique_ptr<ChildProcess> put = node.BeginL2p({"put", "-"}, pipe.reading_end());
  pipe.Write(SeededBytes(4 << 20, 5));
  node.Signal(SIGTERM);
  EXPECT_EQ(node.Wait(kDrainLimit), 0) << node.log();
  pipe.Close();
  EXPECT_EQ(put->Wait(absl::Seconds(10)), 1);
}

TEST(Kernel, EndsAtOnceAtTheSecondSignal) {
  NodeProcess node({"log.level=info"});
  ASSERT_TRUE(node.Start());
  Pipe pipe;
  const std::unique_ptr<ChildProcess> put = node.BeginL2p({"put", "-"}, pipe.reading_end());
  pipe.Write(SeededBytes(4 << 20, 5));
  const absl::Time begun = absl::Now();
  node.Signal(SIGTERM);
  ASSERT_TRUE(node.AwaitLog("draining"));
  node.Signal(SIGTERM);
  EXPECT_EQ(node.Wait(kDrainLimit), 1);
  EXPECT_LT(absl::Now() - begun, absl::Seconds(3));
}

TEST(Kernel, GoesOnWhenItWasStoppedAndContinued) {
  NodeProcess node;
  ASSERT_TRUE(node.Start());
  node.Signal(SIGSTOP);
  siginfo_t stopped;
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(node.pid()), &stopped, WSTOPPED), 0);
  node.Signal(SIGCONT);
  EXPECT_EQ(node.L2p({"status"}).exit_code, 0);
  node.Signal(SIGTERM);  // Would be the second one if the stop had been taken for a first.
  EXPECT_EQ(node.Wait(kDrainLimit), 0) << node.log();
}

TEST(Kernel, RefusesAnUnknownKeyAndNamesTheNearest) {
  const TempFolder folder;
  WriteFile(folder / "bad.properties", "log.level = info\nstorage.qouta = 1GiB\n");
  NodeProcess node({"-c", folder / "bad.properties"});
  const Finished ended = node.StartInVain();
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, AllOf(HasSubstr(folder / "bad.properties:2"), HasSubstr("storage.qouta"),
                               HasSubstr("storage.quota")));
}

TEST(Kernel, RefusesAnUnknownKeyOfAPlugin) {
  NodeProcess node({"transport.tcp.lissten=/ip4/127.0.0.1/tcp/0"});
  const Finished ended = node.StartInVain();
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, AllOf(HasSubstr("command line"), HasSubstr("transport.tcp.listen")));
}

TEST(Kernel, RefusesAValueOfTheWrongType) {
  NodeProcess node({"storage.quota=plenty"});
  const Finished ended = node.StartInVain();
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err,
              AllOf(HasSubstr("command line"), HasSubstr("storage.quota"), HasSubstr("plenty")));
}

TEST(Kernel, NamesASettingsFileThatCannotBeRead) {
  NodeProcess node({"-c", "/nowhere/node.properties"});
  const Finished ended = node.StartInVain();
  EXPECT_EQ(ended.exit_code, 2);
  EXPECT_THAT(ended.err, HasSubstr("/nowhere/node.properties"));
}

TEST(Kernel, NamesTheAddressThatIsTaken) {
  NodeProcess first;
  ASSERT_TRUE(first.Start());
  const std::string address = first.address().substr(0, first.address().find("/p2p/"));
  NodeProcess second({"transport.tcp.listen=" + address});
  const Finished ended = second.StartInVain();
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, AllOf(HasSubstr(address), HasSubstr("transport.tcp.listen")));

  NodeProcess third({"admin.listen=" + first.url().substr(std::string("http://").size())});
  const Finished also = third.StartInVain();
  EXPECT_EQ(also.exit_code, 1);
  EXPECT_THAT(also.err, HasSubstr("admin.listen"));
}

TEST(Kernel, NamesTheProcessThatHasItsFolder) {
  NodeProcess first;
  ASSERT_TRUE(first.Start());
  NodeProcess second({"data.dir=" + first.data_dir()});
  const Finished ended = second.StartInVain();
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, AllOf(HasSubstr(first.data_dir()), HasSubstr(absl::StrCat(first.pid()))));
  EXPECT_EQ(first.L2p({"status"}).exit_code, 0) << "the first one goes on";
}

TEST(Kernel, StartsAgainWithTheSameIdentity) {
  NodeProcess node;
  ASSERT_TRUE(node.Start());
  const std::string peer = node.peer();
  const std::string token = node.token();
  node.Kill();
  ASSERT_TRUE(node.Start());
  EXPECT_EQ(node.peer(), peer);
  EXPECT_EQ(node.token(), token);
}

TEST(Client, ExitsWithTwoWhenMisused) {
  const auto misused = [](const Words& words, const std::string& told) {
    const Finished ended = RunL2p(words);
    EXPECT_EQ(ended.exit_code, 2);
    EXPECT_THAT(ended.err, HasSubstr(told));
  };
  misused({}, "usage");
  misused({"got"}, "'get'");
  misused({"put"}, "usage: l2p put");
  misused({"put", "--redundency", "copies:2", "x"}, "--redundancy");
  misused({"cat", "--range", "9-3", "bafkqaaa"}, "--range");
  misused({"get", "a", "b"}, "usage: l2p get");
}

TEST(Client, ExitsWithFourWhenThereIsNoNode) {
  const TempFolder folder;
  const Finished ended = RunL2p({"--api", folder / "admin.sock", "status"});
  EXPECT_EQ(ended.exit_code, 4);
  EXPECT_THAT(ended.err, AllOf(HasSubstr(folder / "admin.sock"), HasSubstr("l2pkernel")));
  EXPECT_EQ(RunL2p({"--api", "http://127.0.0.1:1", "status"}, {{"L2P_TOKEN", "x"}}).exit_code, 4);
}

TEST(Client, ExitsWithThreeWhenTheContentCannotBeHad) {
  const TempFolder folder;
  const std::vector<std::unique_ptr<NodeProcess>> nodes = StartSwarm(2);
  WriteFile(folder / "file", "not on the network");
  const std::string id = nodes[0]->Put(folder / "file", {"--only-hash"});
  for (const Words& words : {Words{"get", id, "-o", folder / "got"}, Words{"cat", id},
                             Words{"stat", id}, Words{"ls", id}}) {
    const Finished ended = nodes[1]->L2p(words);
    EXPECT_EQ(ended.exit_code, 3) << words[0] << ended.err;
    EXPECT_THAT(ended.err, HasSubstr(id));
  }
  EXPECT_FALSE(std::filesystem::exists(folder / "got"));
}

TEST(Client, ExitsWithOneWhenSomethingFailed) {
  NodeProcess node;
  ASSERT_TRUE(node.Start());
  const Finished put = node.L2p({"put", "/nowhere/file"});
  EXPECT_EQ(put.exit_code, 1);
  EXPECT_THAT(put.err, HasSubstr("/nowhere/file"));
  EXPECT_EQ(node.L2p({"rm", "nothing-of-this-name"}).exit_code, 1);
  const Finished get = node.L2p({"get", "bafkqaaa", "-o", "/nowhere/folder/file"});
  EXPECT_EQ(get.exit_code, 1);
  EXPECT_THAT(get.err, HasSubstr("/nowhere/folder"));
}

TEST(Client, HelpsAndTellsItsVersion) {
  EXPECT_THAT(RunL2p({"--help"}).out, AllOf(HasSubstr("put PATH"), HasSubstr("shutdown")));
  EXPECT_THAT(RunL2p({"get", "--help"}).out, HasSubstr("--keep"));
  EXPECT_THAT(RunL2p({"--version"}).out, HasSubstr("l2p "));
}

}  // namespace
}  // namespace l2p
