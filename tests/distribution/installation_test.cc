// `cmake --install` into a folder of the test's own, and what is there afterwards.
#include <signal.h>

#include <filesystem>
#include <memory>
#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/child_process.h"
#include "tests/temp_folder.h"

namespace l2p {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::StartsWith;

constexpr absl::Duration kBuildLimit = absl::Minutes(10);

// A node that has said that it is ready.
class RunningNode {
 public:
  explicit RunningNode(const Words& words) {
    process_ = std::make_unique<ChildProcess>(
        ChildProcess::Options{.words = words, .environment = {}, .out = pipe_.writing_end()});
    pipe_.Close();
    ready_ = pipe_.ReadLine(absl::Seconds(20));
    EXPECT_THAT(ready_, StartsWith("ready peer="));
  }

  const std::string& ready() const { return ready_; }

  // The exit code after a SIGTERM.
  std::optional<int> Stop() {
    process_->Signal(SIGTERM);
    return process_->Wait(absl::Seconds(20));
  }

 private:
  Pipe pipe_;
  std::unique_ptr<ChildProcess> process_;
  std::string ready_;
};

class Installation : public testing::Test {
 protected:
  // Into a folder with a blank in its name, and moved afterwards: nothing knows where it was.
  static void SetUpTestSuite() {
    temporary_ = new TempFolder;
    const std::string first = *temporary_ / "first";
    const Finished install = RunProgram({L2P_CMAKE, "--install", L2P_BUILD, "--prefix", first});
    EXPECT_EQ(install.exit_code, 0) << install.output();
    fs::rename(first, Path(""));
  }
  static void TearDownTestSuite() { delete temporary_; }

  static std::string Path(const std::string& name) { return *temporary_ / ("in use/" + name); }
  static Finished Run(const std::string& program, std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), Path(program));
    return RunProgram(std::move(arguments));
  }

  static inline TempFolder* temporary_ = nullptr;
};

TEST_F(Installation, HasEveryPart) {
  for (const char* name :
       {"bin/l2pkernel", "bin/l2p", "bin/l2p-check-plugin", "bin/l2p-simulate",
        "share/l2p/scenarios/home.scenario", "lib/libl2p-sdk.so", "lib/libl2p-testkit.a",
        "include/l2p/plugin.h", "include/l2p/testkit/conformance.h", "share/l2p/node.properties",
        "share/man/man1/l2p.1", "share/man/man1/l2pkernel.1",
        "share/bash-completion/completions/l2p", "share/zsh/vendor-completions/_l2p"}) {
    EXPECT_TRUE(fs::exists(Path(name))) << name;
  }
}

TEST_F(Installation, HasEveryBuiltPluginAndNoneOfTheTests) {
  const auto plugins_in = [](const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
      if (entry.path().extension() == ".so")
        names.push_back(entry.path().lexically_relative(folder));
    }
    return names;
  };
  EXPECT_THAT(plugins_in(Path("lib/l2p/plugins")),
              testing::UnorderedElementsAreArray(plugins_in(L2P_BUILD "/plugins")));
}

TEST_F(Installation, ItsProgramsStart) {
  for (const char* name : {"l2pkernel", "l2p"}) {
    const Finished version = Run(std::string("bin/") + name, {"--version"});
    EXPECT_EQ(version.exit_code, 0) << version.output();
    EXPECT_THAT(version.output(), StartsWith(std::string(name) + " "));
  }
}

TEST_F(Installation, ItsCheckPassesItsPlugins) {
  const Finished check = Run("bin/l2p-check-plugin", {Path("lib/l2p/plugins/chunking/fixed.so")});
  EXPECT_EQ(check.exit_code, 0) << check.output();
}

// What follows `name` in a ready line.
std::string Field(const std::string& line, const std::string& name) {
  const size_t begin = line.find(name) + name.size();
  return line.substr(begin, line.find_first_of(" ,\n", begin) - begin);
}

// What `l2p plugin new` writes builds against the installed SDK alone, keeps its kind's contract,
// and is loaded by a node.
class NewPlugin : public Installation, public testing::WithParamInterface<const char*> {};

TEST_P(NewPlugin, BuildsAndPassesOutsideTheTree) {
  const std::string kind = GetParam();
  const TempFolder work;
  const fs::path before = fs::current_path();
  fs::current_path(work.path());
  const Finished made = Run("bin/l2p", {"plugin", "new", kind, "mine"});
  fs::current_path(before);
  ASSERT_EQ(made.exit_code, 0) << made.output();
  const std::string build = work / "mine/build";
  const Finished configured =
      RunProgram({L2P_CMAKE, "-S", work / "mine", "-B", build, "-DCMAKE_PREFIX_PATH=" + Path(""),
                  "-DCMAKE_CXX_COMPILER=" L2P_COMPILER, "-DCMAKE_CXX_FLAGS=" L2P_FLAGS});
  ASSERT_EQ(configured.exit_code, 0) << configured.output();
  const Finished built = RunProgram({L2P_CMAKE, "--build", build}, "", {}, kBuildLimit);
  ASSERT_EQ(built.exit_code, 0) << built.output();
  EXPECT_THAT(built.output(), testing::Not(HasSubstr("warning")));
  const std::string file = build + "/plugins/" + kind + "/mine.so";
  const Finished checked = Run("bin/l2p-check-plugin", {file});
  EXPECT_EQ(checked.exit_code, 0) << checked.output();
  const Finished tests = RunProgram({L2P_CTEST, "--test-dir", build});
  EXPECT_EQ(tests.exit_code, 0) << tests.output();

  // Two nodes with it: one gets what the other put.
  const auto start = [&](const std::string& data, const std::string& bootstrap) {
    return std::make_unique<RunningNode>(
        Words{Path("bin/l2pkernel"), "data.dir=" + (work / data),
              "plugins.path=" + Path("lib/l2p/plugins") + "," + build + "/plugins",
              kind + ".plugin=mine", "transport.tcp.listen=/ip4/127.0.0.1/tcp/0",
              "admin.listen=", "network.bootstrap=" + bootstrap});
  };
  const auto first = start("first", "");
  const auto second = start("second", Field(first->ready(), "listen="));
  const Finished put = RunProgram({Path("bin/l2p"), "put", "--local", work / "mine/README.md",
                                   "--api", work / "first/admin.sock"});
  EXPECT_EQ(put.exit_code, 0) << put.output();
  const Finished got =
      RunProgram({Path("bin/l2p"), "cat", put.output().substr(0, put.output().find('\n')), "--api",
                  work / "second/admin.sock"});
  EXPECT_EQ(got.exit_code, 0) << got.output();
  EXPECT_THAT(got.output(), HasSubstr("A plugin of kind " + kind));
  EXPECT_EQ(first->Stop(), 0);
  EXPECT_EQ(second->Stop(), 0);
}

INSTANTIATE_TEST_SUITE_P(Kinds, NewPlugin,
                         testing::Values("chunking", "hashing", "storage", "routing", "transport",
                                         "service"),
                         [](const auto& kind) { return std::string(kind.param); });

TEST_F(Installation, ItTellsWhyAPluginIsRefused) {
  const Finished good =
      Run("bin/l2p", {"plugins", "check", Path("lib/l2p/plugins/chunking/fixed.so")});
  EXPECT_EQ(good.exit_code, 0) << good.output();
  EXPECT_THAT(good.output(), HasSubstr("toolchain"));
  const Finished bad =
      Run("bin/l2p", {"plugins", "check", L2P_BUILD "/tests/plugins/hashing/wrongtoolchain.so"});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_THAT(bad.output(), HasSubstr("REFUSED toolchain"));
  const Finished text = Run("bin/l2p", {"plugins", "check", Path("share/l2p/node.properties")});
  EXPECT_EQ(text.exit_code, 1);
  EXPECT_THAT(text.output(), HasSubstr("not an ELF file"));
}

TEST_F(Installation, ItsNodeStartsAndStops) {
  const TempFolder data;
  RunningNode node({Path("bin/l2pkernel"), "data.dir=" + data.path(),
                    "transport.tcp.listen=/ip4/127.0.0.1/tcp/0", "admin.listen="});
  const Finished plugins = RunProgram({Path("bin/l2p"), "plugins", "--api", data / "admin.sock"});
  EXPECT_EQ(plugins.exit_code, 0) << plugins.output();
  EXPECT_THAT(plugins.output(), HasSubstr("kademlia"));
  EXPECT_EQ(node.Stop(), 0);
}

}  // namespace
}  // namespace l2p
