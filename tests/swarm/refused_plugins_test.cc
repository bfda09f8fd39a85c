// A running l2pkernel and plugin files that it must not use: as the store it was told to use, each
// ends it with a message that names what was wanted and found; beside the good ones, none matters.
#include <sys/stat.h>

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "l2p/plugin.h"
#include "node_process.h"

namespace l2p {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

const std::string kTestPlugins = L2P_TEST_PLUGINS;

// A folder of plugins of the test's own, searched after those of the build.
class OwnPlugins {
 public:
  void Add(const std::string& kind, const std::string& name, const std::string& file) {
    fs::create_directories(folder_ / kind);
    fs::copy_file(file, PathOf(kind, name));
  }
  std::string PathOf(const std::string& kind, const std::string& name) const {
    return folder_ / (kind + "/" + name + ".so");
  }
  std::string Setting() const { return "plugins.path=" L2P_BUILT_PLUGINS "," + folder_.path(); }

 private:
  TempFolder folder_;
};

struct Refusal {
  std::string file;  // Of the tests' hashing plugins.
  int exit_code;     // 2 where the file is no plugin at all, which is a wrong setting.
  std::string says;
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.file; }

class RefusedStore : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedStore, EndsTheKernelWithWhatWasWantedAndFound) {
  const std::string& name = GetParam().file;
  OwnPlugins plugins;
  plugins.Add("storage", name, kTestPlugins + "/hashing/" + name + ".so");
  const Finished kernel = NodeProcess({plugins.Setting(), "storage.plugin=" + name}).StartInVain();
  EXPECT_EQ(kernel.exit_code, GetParam().exit_code) << kernel.err;
  EXPECT_THAT(kernel.err, AllOf(HasSubstr("storage.plugin"), HasSubstr(GetParam().says)));
  EXPECT_EQ(kernel.out, "");
}

const Refusal kRefusals[] = {
    {"wrongmajor", 1, "plugin wrongmajor: SDK major version: wanted 1, found 2"},
    {"newerminor", 1, "plugin newerminor: SDK minor version: wanted at most 0, found 1"},
    {"wrongtoolchain", 1, "toolchain: wanted \"" L2P_TOOLCHAIN "\", found \"another C++ library\""},
    {"unknownkind", 1, "kind: wanted one of transport routing chunking hashing storage"},
    {"good", 1, "kind: wanted \"storage\", as its folder is called, found \"hashing\""},
    {"nextgood", 1, "name: wanted \"nextgood\", as the file is called, found \"good\""},
    {"nosymbol", 2, "it exports no l2p_plugin"},
};

INSTANTIATE_TEST_SUITE_P(RefusedPlugins, RefusedStore, testing::ValuesIn(kRefusals),
                         [](const testing::TestParamInfo<Refusal>& refusal) {
                           return refusal.param.file;
                         });

TEST(RefusedPlugins, ATextFileEndsTheKernel) {
  OwnPlugins plugins;
  plugins.Add("storage", "text", L2P_SHIPPED_SETTINGS);
  const Finished kernel = NodeProcess({plugins.Setting(), "storage.plugin=text"}).StartInVain();
  EXPECT_EQ(kernel.exit_code, 2) << kernel.err;
  EXPECT_THAT(kernel.err,
              AllOf(HasSubstr(plugins.PathOf("storage", "text")), HasSubstr("not an ELF file")));
}

TEST(RefusedPlugins, AFileThatEveryoneMayWriteEndsTheKernel) {
  OwnPlugins plugins;
  plugins.Add("storage", "mine", L2P_BUILT_PLUGINS "/storage/memory.so");
  ASSERT_EQ(chmod(plugins.PathOf("storage", "mine").c_str(), 0777), 0);
  const Finished kernel = NodeProcess({plugins.Setting(), "storage.plugin=mine"}).StartInVain();
  EXPECT_EQ(kernel.exit_code, 1) << kernel.err;
  EXPECT_THAT(kernel.err, HasSubstr("mine.so: refused: everyone may write the file"));
}

TEST(RefusedPlugins, AFactoryThatThrowsEndsTheKernel) {
  OwnPlugins plugins;
  plugins.Add("hashing", "throws", kTestPlugins + "/hashing/throws.so");
  const Finished kernel = NodeProcess({plugins.Setting(), "hashing.plugin=throws"}).StartInVain();
  EXPECT_EQ(kernel.exit_code, 1) << kernel.err;
  EXPECT_THAT(kernel.err, HasSubstr("hashing.throws: the factory threw: no luck"));
}

TEST(RefusedPlugins, BadExtraHashersDoNotKeepANodeFromStarting) {
  OwnPlugins plugins;
  for (const char* name : {"wrongmajor", "nosymbol", "throws"}) {
    plugins.Add("hashing", name, kTestPlugins + "/hashing/" + name + ".so");
  }
  plugins.Add("hashing", "text", L2P_SHIPPED_SETTINGS);
  NodeProcess node({plugins.Setting()});
  ASSERT_TRUE(node.Start());
  const Finished list = node.L2p({"plugins"});
  EXPECT_EQ(list.exit_code, 0) << list.err;
  EXPECT_THAT(list.out,
              HasSubstr("refused: plugin wrongmajor: SDK major version: wanted 1, found 2"));
  EXPECT_THAT(list.out, HasSubstr("it exports no l2p_plugin"));
  EXPECT_THAT(list.out, HasSubstr("not an ELF file"));
  // This one was loaded; what its factory threw is in the log.
  EXPECT_THAT(node.log(), HasSubstr("hashing.throws: the factory threw: no luck"));
}

}  // namespace
}  // namespace l2p
