#include "kernel/node_config.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace l2p {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr SettingSpec kPackSchema[] = {
    {"segment", SettingType::kSize, "64MiB", "1MiB..1GiB", "bytes of a file"},
    {"sync", SettingType::kBoolean, "true", "", "wait for the disk"},
};
constexpr PluginDescriptor kPack = {.magic = kPluginMagic,
                                    .size = sizeof(PluginDescriptor),
                                    .sdk_major = kSdkMajor,
                                    .sdk_minor = kSdkMinor,
                                    .toolchain = L2P_TOOLCHAIN,
                                    .kind = "storage",
                                    .name = "pack",
                                    .version = "1.0.0",
                                    .settings = kPackSchema,
                                    .settings_count = 2,
                                    .open = nullptr};

absl::StatusOr<NodeConfig> ParseOne(std::string text, std::vector<std::string> assignments = {}) {
  const NodeConfig::Source source{"node.properties", std::move(text)};
  return NodeConfig::Parse({&source, 1}, assignments);
}

std::string Error(const absl::Status& status) {
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  return std::string(status.message());
}

TEST(NodeConfig, HasADefaultForEveryKey) {
  const auto config = NodeConfig::Parse({}, {});
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->settings().Integer("node.tasks"), 256);
  EXPECT_EQ(config->settings().Integer("node.memory"), 64 << 20);
  EXPECT_EQ(config->settings().Text("storage.plugin"), "");
  EXPECT_EQ(config->settings().values().size(), NodeConfig::Schema().size());
}

TEST(NodeConfig, LaterFilesWinAndTheCommandLineBeatsThem) {
  const NodeConfig::Source files[] = {
      {"a", "node.tasks = 100\nlog.level = debug\nnetwork.connections = 5"},
      {"b", "node.tasks = 200\nlog.level = warning"}};
  const std::string assignments[] = {"log.level=info", "log.level=error"};
  const auto config = NodeConfig::Parse(files, assignments);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->settings().Integer("node.tasks"), 200);
  EXPECT_EQ(config->settings().Integer("network.connections"), 5);
  EXPECT_EQ(config->settings().Text("log.level"), "error");
}

TEST(NodeConfig, NamesFileAndLineOfAnUnknownKeyAndTheOneThatWasMeant) {
  EXPECT_EQ(Error(ParseOne("# x\n\nstorage.quoat = 1GiB").status()),
            "node.properties:3: unknown key 'storage.quoat', did you mean 'storage.quota'?");
  EXPECT_EQ(Error(ParseOne("", {"nothing.like.it=1"}).status()),
            "command line: unknown key 'nothing.like.it'");
  EXPECT_EQ(Error(ParseOne("", {"node.tasks"}).status()),
            "command line: expected key=value, found \"node.tasks\"");
}

TEST(NodeConfig, NamesFileAndLineOfAWrongValueAndWhatIsAllowed) {
  EXPECT_EQ(Error(ParseOne("node.tasks = many").status()),
            "node.properties:1: node.tasks: \"many\" is not a whole number");
  EXPECT_EQ(Error(ParseOne("", {"log.level=loud"}).status()),
            "command line: log.level: \"loud\" is not one of debug|info|warning|error");
}

TEST(NodeConfig, AWrongValueIsAnErrorEvenIfALaterFileReplacesIt) {
  EXPECT_EQ(Error(ParseOne("node.tasks = many", {"node.tasks=100"}).status()),
            "node.properties:1: node.tasks: \"many\" is not a whole number");
}

TEST(NodeConfig, AnEmptyQuotaIsTheDefault) {
  const auto config = ParseOne("storage.quota =");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->settings().Text("storage.quota"), "");
}

TEST(NodeConfig, GivesAPluginItsSectionCheckedAgainstItsSchema) {
  const auto config = ParseOne("storage.pack.segment = 8MiB\nstorage.packet.segment = odd");
  ASSERT_TRUE(config.ok()) << config.status();
  const auto settings = config->ForPlugin(kPack);
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->Integer("segment"), 8 << 20);
  EXPECT_TRUE(settings->Boolean("sync"));
}

TEST(NodeConfig, NamesTheLineOfAFaultInAPluginsSection) {
  EXPECT_EQ(Error(ParseOne("\nstorage.pack.segmnt = 8MiB")->ForPlugin(kPack).status()),
            "node.properties:2: unknown key 'storage.pack.segmnt', did you mean "
            "'storage.pack.segment'?");
  EXPECT_EQ(Error(ParseOne("storage.pack.segment = 8")->ForPlugin(kPack).status()),
            "node.properties:1: storage.pack.segment: \"8\" is not within 1MiB..1GiB");
}

TEST(NodeConfig, NamesTheLineOfASectionWithoutAPlugin) {
  const PluginRegistry plugins({.paths = {}, .copies = {}, .linked = {&kPack}});
  EXPECT_TRUE(ParseOne("storage.pack.sync = true")->CheckPluginNames(plugins).ok());
  const absl::Status status = ParseOne("storage.pakc.sync = true")->CheckPluginNames(plugins);
  EXPECT_EQ(std::string(status.message()),
            "node.properties:1: storage.pakc.sync: there is no storage plugin 'pakc', did you mean "
            "'pack'? (found pack in no path)");
}

TEST(NodeConfig, KeepsProfilesByName) {
  const auto config = ParseOne(
      "content.profile = a\ncontent.profile.a = links=2\n"
      "content.profile.b = links=3 rule=block");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_THAT(config->Profiles(),
              ElementsAre(Pair("a", "links=2"), Pair("b", "links=3 rule=block")));
  EXPECT_EQ(config->settings().Text("content.profile"), "a");
  EXPECT_FALSE(ParseOne("content.profile. = x").ok());
}

TEST(NodeConfig, SaysWhereAValueCameFrom) {
  const auto config = ParseOne("\nstorage.plugin = x");
  const absl::Status fault = absl::NotFoundError("no such plugin");
  EXPECT_EQ(config->At("storage.plugin", fault).message(),
            "node.properties:2: storage.plugin: no such plugin");
  EXPECT_EQ(config->At("routing.plugin", fault).message(), "routing.plugin: no such plugin");
  EXPECT_TRUE(config->At("storage.plugin", absl::OkStatus()).ok());
}

TEST(RenderProperties, GivesAFileThatReadsBackAsTheDefaults) {
  EXPECT_EQ(RenderProperties("storage.pack.", kPackSchema),
            "# bytes of a file (1MiB..1GiB)\nstorage.pack.segment = 64MiB\n"
            "# wait for the disk\nstorage.pack.sync = true\n");
  const auto config = ParseOne(RenderProperties("", NodeConfig::Schema()));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->settings().values(), NodeConfig::Parse({}, {})->settings().values());
}

}  // namespace
}  // namespace l2p
