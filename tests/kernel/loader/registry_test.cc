#include "kernel/loader/registry.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernel/loader/host.h"
#include "kernel/runtime/real_runtime.h"
#include "l2p/hasher.h"
#include "tests/temp_folder.h"

namespace l2p {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

const std::string kPlugins = L2P_TEST_PLUGINS;

class PluginRegistryTest : public testing::Test {
 protected:
  // Puts a test plugin under another name in a folder of this test.
  void Install(const std::string& plugin, const std::string& name) {
    fs::create_directories(own_ + "/hashing");
    const std::string target = own_ + "/hashing/" + name + ".so";
    fs::copy_file(kPlugins + "/hashing/" + plugin + ".so", target + ".new");
    fs::rename(target + ".new", target);
  }

  static uint8_t DigestOf(Hasher& hasher) {
    uint8_t digest = 0;
    const ByteView input;
    hasher.Hash({&input, 1}, {&digest, 1});
    return digest;
  }

  std::string RefusalOf(const std::string& name) {
    const absl::Status status = registry_.Find("hashing", name).status();
    EXPECT_FALSE(status.ok());
    return std::string(status.message());
  }

  TempFolder temporary_;
  const std::string own_ = temporary_ / "own";
  std::unique_ptr<RealRuntime> runtime_ =
      *RealRuntime::Open({.data_dir = temporary_ / "data", .max_tasks = 4});
  Memory memory_{*runtime_, 1 << 20};
  MetricsRegistry metrics_;
  PluginHost host_{{.runtime = *runtime_, .memory = memory_, .metrics = metrics_}, "hashing", "x"};
  PluginRegistry registry_{
      {.paths = {own_, kPlugins}, .copies = temporary_ / "copies", .linked = {}}};
};

TEST_F(PluginRegistryTest, LoadsAPluginAndOpensAnInstance) {
  const auto plugin = registry_.Find("hashing", "good");
  ASSERT_TRUE(plugin.ok()) << plugin.status();
  EXPECT_STREQ((*plugin)->version, "1.2.3");
  const auto settings =
      Settings::Make({(*plugin)->settings, (*plugin)->settings_count}, {{"fill", "7"}});
  ASSERT_TRUE(settings.ok()) << settings.status();
  const auto hasher = OpenPlugin<Hasher>(**plugin, host_, *settings);
  ASSERT_TRUE(hasher.ok()) << hasher.status();
  EXPECT_EQ(DigestOf(**hasher), 7);
}

TEST_F(PluginRegistryTest, LoadsOneContentOnce) {
  EXPECT_EQ(*registry_.Find("hashing", "good"), *registry_.Find("hashing", "good"));
}

TEST_F(PluginRegistryTest, ANewFileUnderTheSameNameIsLoadedBesideTheOld) {
  Install("good", "good");
  const auto old_plugin = registry_.Find("hashing", "good");
  ASSERT_TRUE(old_plugin.ok()) << old_plugin.status();
  const auto settings = *Settings::Make({(*old_plugin)->settings, 1}, {});
  const auto old_hasher = *OpenPlugin<Hasher>(**old_plugin, host_, settings);
  Install("nextgood", "good");
  const auto new_plugin = registry_.Find("hashing", "good");
  ASSERT_TRUE(new_plugin.ok()) << new_plugin.status();
  EXPECT_STREQ((*new_plugin)->version, "2.0.0");
  const auto new_hasher = *OpenPlugin<Hasher>(**new_plugin, host_, {});
  EXPECT_EQ(DigestOf(*old_hasher), 1);
  EXPECT_EQ(DigestOf(*new_hasher), 2);
}

TEST_F(PluginRegistryTest, TheFirstPathWins) {
  Install("nextgood", "good");
  EXPECT_STREQ((*registry_.Find("hashing", "good"))->version, "2.0.0");
}

TEST_F(PluginRegistryTest, TellsWhatThereIsInsteadOfAMissingPlugin) {
  const absl::Status status = registry_.Find("hashing", "goood").status();
  EXPECT_TRUE(absl::IsNotFound(status));
  EXPECT_EQ(std::string(status.message()),
            "there is no hashing plugin 'goood', did you mean 'good'? (found good, newerminor, "
            "nextgood, nosymbol, throws, unknownkind, wrongmajor, wrongtoolchain in " +
                own_ + ", " + kPlugins + ")");
  EXPECT_THAT(std::string(registry_.Find("storage", "x").status().message()),
              HasSubstr("(found none in "));
}

TEST_F(PluginRegistryTest, RefusesWhatWasBuiltForAnotherSdk) {
  EXPECT_EQ(RefusalOf("wrongmajor"), "plugin wrongmajor: SDK major version: wanted 1, found 2");
  EXPECT_EQ(RefusalOf("newerminor"),
            "plugin newerminor: SDK minor version: wanted at most 0, found 1");
  EXPECT_THAT(RefusalOf("wrongtoolchain"), HasSubstr("found \"another C++ library\""));
  EXPECT_THAT(RefusalOf("unknownkind"), HasSubstr("found \"painting\""));
  EXPECT_THAT(RefusalOf("nosymbol"), HasSubstr("it exports no l2p_plugin"));
  EXPECT_TRUE(registry_.Find("hashing", "good").ok());
}

TEST_F(PluginRegistryTest, RefusesAFileThatIsNoPlugin) {
  fs::create_directories(own_ + "/hashing");
  std::ofstream(own_ + "/hashing/text.so") << "this is text, and more of it than an ELF header has";
  EXPECT_THAT(RefusalOf("text"), HasSubstr("not an ELF file"));
  Install("good", "renamed");
  EXPECT_THAT(RefusalOf("renamed"), HasSubstr("wanted \"renamed\", as the file is called"));
}

TEST_F(PluginRegistryTest, RefusesAPluginInTheFolderOfAnotherKind) {
  fs::create_directories(own_ + "/storage");
  fs::copy_file(kPlugins + "/hashing/good.so", own_ + "/storage/good.so");
  const absl::Status status = registry_.Find("storage", "good").status();
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_THAT(std::string(status.message()), HasSubstr("wanted \"storage\""));
}

TEST_F(PluginRegistryTest, RefusesAFileThatEveryoneMayWrite) {
  Install("good", "good");
  ASSERT_EQ(chmod((own_ + "/hashing/good.so").c_str(), 0777), 0);
  EXPECT_THAT(RefusalOf("good"), HasSubstr("everyone may write the file"));
}

TEST_F(PluginRegistryTest, AFactoryThatThrowsIsAnErrorOfItsInstance) {
  const auto plugin = registry_.Find("hashing", "throws");
  ASSERT_TRUE(plugin.ok()) << plugin.status();
  const absl::Status status = OpenPlugin<Hasher>(**plugin, host_, {}).status();
  EXPECT_EQ(status.message(), "hashing.throws: the factory threw: no luck");
}

TEST_F(PluginRegistryTest, ListsFilesWithVersionsAndRefusals) {
  ASSERT_TRUE(registry_.Find("hashing", "good").ok());
  ASSERT_FALSE(registry_.Find("hashing", "wrongmajor").ok());
  std::vector<std::string> lines;
  for (const PluginRegistry::Entry& entry : registry_.List()) {
    if (entry.kind != "hashing") continue;
    lines.push_back(entry.kind + "/" + entry.name + " " + entry.version +
                    (entry.refusal.empty() ? "" : "refused"));
  }
  EXPECT_THAT(lines, ElementsAre("hashing/good 1.2.3", "hashing/newerminor ", "hashing/nextgood ",
                                 "hashing/nosymbol ", "hashing/throws ", "hashing/unknownkind ",
                                 "hashing/wrongmajor refused", "hashing/wrongtoolchain "));
}

TEST_F(PluginRegistryTest, TakesLinkedPluginsFirst) {
  const PluginDescriptor linked = **registry_.Find("hashing", "good");
  PluginRegistry registry({.paths = {}, .copies = {}, .linked = {&linked}});
  EXPECT_EQ(*registry.Find("hashing", "good"), &linked);
  EXPECT_THAT(registry.Names("hashing"), ElementsAre("good"));
  EXPECT_EQ(registry.List().size(), 1u);
}

TEST_F(PluginRegistryTest, RemovesTheCopiesOfAnEarlierProcess) {
  const std::string copies = temporary_ / "copies";
  ASSERT_TRUE(registry_.Find("hashing", "good").ok());
  EXPECT_FALSE(fs::is_empty(copies));
  PluginRegistry next({.paths = {kPlugins}, .copies = copies, .linked = {}});
  EXPECT_FALSE(fs::exists(copies));
  EXPECT_TRUE(next.Find("hashing", "good").ok());
}

}  // namespace
}  // namespace l2p
