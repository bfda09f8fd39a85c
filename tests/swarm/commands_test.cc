// Every command of l2p on real content.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "node_process.h"

namespace l2p {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Trimmed(std::string text) {
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

class Commands : public ::testing::Test {
 protected:
  Commands() : nodes_(StartSwarm(2)), bytes_(SeededBytes(3'500'000, 21)) {
    WriteFile(folder_ / "file", bytes_);
  }

  NodeProcess& first() { return *nodes_[0]; }
  NodeProcess& second() { return *nodes_[1]; }

  // A folder with files, folders, an empty file and a link.
  std::string MakeTree() {
    const std::string tree = folder_ / "tree";
    fs::create_directories(tree + "/below/empty");
    WriteFile(tree + "/a", "one");
    WriteFile(tree + "/none", "");
    WriteFile(tree + "/below/large", bytes_);
    fs::create_symlink("../a", tree + "/below/link");
    return tree;
  }

  TempFolder folder_;
  std::vector<std::unique_ptr<NodeProcess>> nodes_;
  const std::string bytes_;
};

TEST_F(Commands, PutPrintsTheIdAloneAndGetBringsTheFileBack) {
  const Finished put = first().L2p({"put", folder_ / "file", "--redundancy", "copies:3"});
  ASSERT_EQ(put.exit_code, 0) << put.err;
  const std::string id = Trimmed(put.out);
  EXPECT_THAT(id, ::testing::StartsWith("baf"));
  EXPECT_THAT(put.err, HasSubstr("stored on 1 of 3")) << "the swarm is smaller than asked";
  const Finished get = second().L2p({"get", id, "-o", folder_ / "got"});
  EXPECT_EQ(get.exit_code, 0) << get.err;
  EXPECT_EQ(get.out, "");
  EXPECT_TRUE(ReadFile(folder_ / "got") == bytes_);
  EXPECT_FALSE(fs::exists(folder_ / "got.l2p-part"));

  const Finished again = second().L2p({"get", id, "-o", folder_ / "got"});
  EXPECT_EQ(again.exit_code, 1);
  EXPECT_THAT(again.err, HasSubstr("exists"));
}

TEST_F(Commands, PutTakesStdin) {
  const Finished put = first().L2p({"put", "-"}, bytes_);
  ASSERT_EQ(put.exit_code, 0) << put.err;
  EXPECT_EQ(Trimmed(put.out), first().Put(folder_ / "file"));
  EXPECT_TRUE(second().L2p({"cat", Trimmed(put.out)}).out == bytes_);
}

TEST_F(Commands, AFolderComesBackAsItWas) {
  const std::string tree = MakeTree();
  const std::string id = first().Put(tree);
  const Finished get = second().L2p({"get", id, "-o", folder_ / "got"});
  ASSERT_EQ(get.exit_code, 0) << get.err;
  const Finished differences =
      RunProgram({"diff", "-r", "--no-dereference", tree, folder_ / "got"});
  EXPECT_EQ(differences.exit_code, 0) << differences.out;
  EXPECT_TRUE(fs::is_symlink(folder_ / "got/below/link"));

  EXPECT_THAT(second().L2p({"ls", id}).out,
              AllOf(HasSubstr("a"), HasSubstr("below"), HasSubstr("none")));
  EXPECT_THAT(second().L2p({"ls", id + "/below"}).out,
              AllOf(HasSubstr("large"), HasSubstr("empty"), HasSubstr("link")));
  EXPECT_EQ(JsonField(second().L2p({"--json", "ls", id + "/below"}).out, "name"), "empty");
  const Finished stat = second().L2p({"--json", "stat", id + "/below/large"});
  EXPECT_EQ(JsonField(stat.out, "size"), absl::StrCat(bytes_.size()));
  EXPECT_EQ(JsonField(stat.out, "type"), "file");
  EXPECT_EQ(JsonField(second().L2p({"--json", "stat", id}).out, "type"), "folder");
  EXPECT_TRUE(second().L2p({"cat", id + "/below/large"}).out == bytes_);
  EXPECT_EQ(second().L2p({"cat", id}).exit_code, 1);
  const Finished missing = second().L2p({"cat", id + "/below/nothing"});
  EXPECT_EQ(missing.exit_code, 3);
  EXPECT_THAT(missing.err, HasSubstr("nothing"));
}

TEST_F(Commands, CatSendsTheRangeWithBothEnds) {
  const std::string id = first().Put(folder_ / "file");
  EXPECT_EQ(second().L2p({"cat", id, "--range", "0-0"}).out, bytes_.substr(0, 1));
  EXPECT_EQ(second().L2p({"cat", id, "--range", "1048570-1048585"}).out,
            bytes_.substr(1048570, 16));
  EXPECT_EQ(second().L2p({"cat", id, "--range", "3499999-9999999"}).out, bytes_.substr(3499999));
  EXPECT_EQ(second().L2p({"cat", id, "--range", "3500000-3500001"}).exit_code, 1);
}

TEST_F(Commands, OnlyHashStoresNothing) {
  const std::string hashed = first().Put(folder_ / "file", {"--only-hash"});
  EXPECT_EQ(first().Status("blocks"), 0u);
  EXPECT_EQ(second().Status("blocks"), 0u);
  EXPECT_EQ(first().L2p({"files"}).out, "");
  EXPECT_EQ(hashed, first().Put(folder_ / "file"));
}

TEST_F(Commands, LocalPushesNothing) {
  const std::string id = first().Put(folder_ / "file", {"--local"});
  EXPECT_GT(first().Status("blocks"), 0u);
  EXPECT_EQ(second().Status("blocks"), 0u);
  EXPECT_TRUE(first().L2p({"cat", id}).out == bytes_);
}

TEST_F(Commands, ProfileAndChunkerChooseTheShape) {
  const std::string shipped = first().Put(folder_ / "file", {"--profile", "unixfs-v1-2025"});
  EXPECT_EQ(shipped, first().Put(folder_ / "file"));
  const std::string small = first().Put(folder_ / "file", {"--profile", "unixfs-v1-256k"});
  const std::string cut = first().Put(folder_ / "file", {"--chunker", "fastcdc"});
  EXPECT_NE(shipped, small);
  EXPECT_NE(shipped, cut);
  EXPECT_TRUE(second().L2p({"cat", small}).out == bytes_);
  EXPECT_TRUE(second().L2p({"cat", cut}).out == bytes_);
  const Finished unknown = first().L2p({"put", folder_ / "file", "--profile", "unixfs"});
  EXPECT_EQ(unknown.exit_code, 1);
  EXPECT_THAT(unknown.err, HasSubstr("unixfs-v1-2025"));
}

TEST_F(Commands, RmByNameFreesTheSpace) {
  const std::string id = first().Put(folder_ / "file", {"--local"});
  EXPECT_THAT(first().L2p({"files"}).out, AllOf(HasSubstr(id), HasSubstr("file")));
  EXPECT_EQ(JsonField(first().L2p({"--json", "files"}).out, "id"), id);
  EXPECT_EQ(first().L2p({"rm", "file"}).exit_code, 0);
  EXPECT_EQ(first().L2p({"files"}).out, "");
  EXPECT_EQ(first().Status("blocks"), 0u);
  EXPECT_EQ(first().L2p({"rm", "file"}).exit_code, 1);
}

TEST_F(Commands, GetKeepsWhatItWasAskedToKeep) {
  const std::string id = first().Put(folder_ / "file", {"--local"});
  ASSERT_EQ(second().L2p({"get", id, "-o", folder_ / "got"}).exit_code, 0);
  EXPECT_EQ(second().Status("blocks"), 0u);
  ASSERT_EQ(second().L2p({"get", id, "--keep", "-o", folder_ / "kept"}).exit_code, 0);
  first().Kill();
  EXPECT_TRUE(second().L2p({"cat", id}).out == bytes_);
  EXPECT_THAT(second().L2p({"files"}).out, HasSubstr(id));
}

TEST_F(Commands, GetResumesWhatAnInterruptedOneLeft) {
  const std::string id = first().Put(folder_ / "file", {"--local"});
  // What a get that was killed in its middle leaves: right bytes, and a hole.
  WriteFile(folder_ / "got.l2p-part", bytes_.substr(0, 2 << 20));
  fs::resize_file(folder_ / "got.l2p-part", bytes_.size());
  const Finished get = second().L2p({"--json", "get", id, "-o", folder_ / "got"});
  ASSERT_EQ(get.exit_code, 0) << get.err;
  EXPECT_TRUE(ReadFile(folder_ / "got") == bytes_);
  EXPECT_FALSE(fs::exists(folder_ / "got.l2p-part"));
  EXPECT_LT(std::stoull(JsonField(get.out, "bytes")), bytes_.size() - (1 << 20)) << get.out;
}

TEST_F(Commands, GetMendsAPartFileWithWrongBytes) {
  const std::string id = first().Put(folder_ / "file", {"--local"});
  WriteFile(folder_ / "got.l2p-part", std::string(bytes_.size(), 'x'));
  ASSERT_EQ(second().L2p({"get", id, "-o", folder_ / "got"}).exit_code, 0);
  EXPECT_TRUE(ReadFile(folder_ / "got") == bytes_);
}

TEST_F(Commands, StrictFailsInATooSmallSwarmAndSaysWhyInOneLine) {
  const Finished put =
      first().L2p({"put", "--strict", "--redundancy", "copies:3", folder_ / "file"});
  EXPECT_EQ(put.exit_code, 1);
  EXPECT_EQ(std::count(put.err.begin(), put.err.end(), '\n'), 1) << put.err;
  EXPECT_THAT(put.err, HasSubstr("1 of 3"));
  const Finished enough =
      first().L2p({"put", "--strict", "--redundancy", "copies:1", folder_ / "file"});
  EXPECT_EQ(enough.exit_code, 0);
  EXPECT_THAT(enough.err, HasSubstr("safe to go offline: as long as each holder stays"));
}

TEST_F(Commands, ReceiptsAreCheckedWithoutANodeAndRefusedWithOneBitChanged) {
  const std::string file = folder_ / "receipts";
  const Finished put = first().L2p({"put", folder_ / "file", "--receipts", file});
  ASSERT_EQ(put.exit_code, 0) << put.err;
  const Finished verified = second().L2p({"receipt", "verify", file, "--api", "/no/such/node"});
  EXPECT_EQ(verified.exit_code, 0) << verified.err;
  EXPECT_THAT(verified.out, HasSubstr(Trimmed(put.out) + ": 1 receipts"));
  EXPECT_THAT(verified.out, HasSubstr(second().peer() + " keeps "));
  std::string changed = ReadFile(file);
  changed[changed.size() / 2] ^= 1;
  WriteFile(file, changed);
  const Finished refused = second().L2p({"receipt", "verify", file});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_EQ(refused.out, "");
  EXPECT_THAT(refused.err, HasSubstr("it has been changed"));
}

TEST_F(Commands, TheNodeTellsAboutItself) {
  NodeProcess third;
  ASSERT_TRUE(third.Start());
  EXPECT_EQ(JsonField(third.L2p({"--json", "id"}).out, "id"), third.peer());
  EXPECT_THAT(third.L2p({"id"}).out, HasSubstr(third.address()));
  EXPECT_EQ(third.L2p({"peers"}).out, "");
  EXPECT_EQ(third.L2p({"connect", first().address()}).exit_code, 0);
  EXPECT_THAT(third.L2p({"peers"}).out, HasSubstr(first().peer()));
  EXPECT_EQ(JsonField(third.L2p({"--json", "peers"}).out, "direction"), "outbound");
  EXPECT_EQ(third.L2p({"connect", "/ip4/127.0.0.1/tcp/1"}).exit_code, 1);
  EXPECT_EQ(third.L2p({"connect", "nonsense"}).exit_code, 1);
  EXPECT_THAT(third.L2p({"plugins"}).out,
              AllOf(HasSubstr("transport"), HasSubstr("kademlia"), HasSubstr("available")));
  EXPECT_THAT(third.L2p({"settings"}).out,
              AllOf(HasSubstr("storage.quota"), HasSubstr("transport.tcp.listen")));
  EXPECT_THAT(third.L2p({"status"}).out, AllOf(HasSubstr(third.peer()), HasSubstr("storage")));
  EXPECT_EQ(third.L2p({"shutdown"}).exit_code, 0);
  EXPECT_EQ(third.Wait(), 0);
}

TEST_F(Commands, TheNodeIsFoundByUrlAndTokenByPathAndByEnvironment) {
  const std::string id = first().Put(folder_ / "file", {"--local"});
  const std::string token = first().token();
  const Finished by_url =
      RunL2p({"--api", first().url(), "get", id, "-o", folder_ / "got"}, {{"L2P_TOKEN", token}});
  EXPECT_EQ(by_url.exit_code, 0) << by_url.err;
  EXPECT_TRUE(ReadFile(folder_ / "got") == bytes_);
  const Finished put_by_url =
      RunL2p({"--api", first().url(), "put", "--local", folder_ / "file"}, {{"L2P_TOKEN", token}});
  EXPECT_EQ(Trimmed(put_by_url.out), id) << put_by_url.err;
  const Finished tree =
      RunL2p({"--api", first().url(), "put", "--local", MakeTree()}, {{"L2P_TOKEN", token}});
  const Finished tree_back =
      RunL2p({"--api", first().url(), "get", Trimmed(tree.out), "-o", folder_ / "tree2"},
             {{"L2P_TOKEN", token}});
  EXPECT_EQ(tree_back.exit_code, 0) << tree_back.err;
  EXPECT_EQ(RunProgram({"diff", "-r", "--no-dereference", folder_ / "tree", folder_ / "tree2"}).out,
            "");

  const Finished wrong = RunL2p({"--api", first().url(), "status"}, {{"L2P_TOKEN", token + "x"}});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("token"));
  EXPECT_EQ(RunL2p({"status"}, {{"L2P_API", first().socket()}}).exit_code, 0);
  EXPECT_EQ(RunL2p({"status"}, {{"L2P_API", first().url()}, {"L2P_TOKEN", token}}).exit_code, 0);
}

TEST_F(Commands, PinKeepsAFileThatRmWouldForget) {
  const Finished put = first().L2p({"put", "--lease", "90d", folder_ / "file"});
  ASSERT_EQ(put.exit_code, 0) << put.err;
  const std::string id = Trimmed(put.out);
  EXPECT_EQ(second().L2p({"pin", "add", id}).exit_code, 0);
  EXPECT_THAT(second().L2p({"pin", "ls"}).out, HasSubstr(id));
  EXPECT_EQ(second().L2p({"files"}).out, "");
  EXPECT_EQ(first().L2p({"pin", "add", id}).exit_code, 0);
  const Finished refused = first().L2p({"rm", id});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("l2p pin rm " + id));
  EXPECT_EQ(first().L2p({"pin", "rm", id}).exit_code, 0);
  EXPECT_EQ(first().L2p({"pin", "rm", id}).exit_code, 1);
  EXPECT_EQ(first().L2p({"rm", id}).exit_code, 0);
  EXPECT_TRUE(second().L2p({"cat", id}).out == bytes_);
  EXPECT_EQ(first().L2p({"pin", "turn", id}).exit_code, 2);
}

TEST_F(Commands, GcTellsWhatItFreed) {
  const Finished gc = first().L2p({"gc"});
  EXPECT_EQ(gc.exit_code, 0) << gc.err;
  EXPECT_EQ(gc.out, "freed 0 blocks, 0 B\n");
}

TEST_F(Commands, PutRefusesALeaseThatIsNoTime) {
  const Finished put = first().L2p({"put", "--lease", "soon", folder_ / "file"});
  EXPECT_EQ(put.exit_code, 1);
  EXPECT_THAT(put.err, HasSubstr("lease 'soon' is neither a time such as 90d or 12h nor forever"));
}

}  // namespace
}  // namespace l2p
