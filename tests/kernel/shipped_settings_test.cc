// config/node.properties against the schemas it is made of.
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "kernel/content/profile.h"
#include "kernel/node_config.h"
#include "l2p/plugin_file.h"

namespace l2p {
namespace {

using testing::HasSubstr;

class ShippedSettings : public testing::Test {
 protected:
  static std::string Read() {
    std::ifstream in(L2P_SHIPPED_SETTINGS);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  const NodeConfig::Source file_{"node.properties", Read()};
  const absl::StatusOr<NodeConfig> config_ = NodeConfig::Parse({&file_, 1}, {});
  PluginRegistry plugins_{{.paths = {L2P_BUILT_PLUGINS}, .copies = {}, .linked = {}}};
};

// Names of plugins are in this file and nowhere in the kernel, so they have no default there.
bool NamesPlugins(const std::string& key) {
  return key.ends_with(".plugin") || key == "content.profile";
}

TEST_F(ShippedSettings, HaveEveryKeyOfTheKernelWithHelpAndDefault) {
  ASSERT_TRUE(config_.ok()) << config_.status();
  for (const SettingSpec& spec : NodeConfig::Schema()) {
    const std::string rendered = RenderProperties("", {&spec, 1});
    EXPECT_THAT(
        file_.text,
        HasSubstr(NamesPlugins(spec.name) ? rendered.substr(0, rendered.size() - 1) : rendered));
  }
}

TEST_F(ShippedSettings, HaveEveryKeyOfEveryPluginWithHelpAndDefault) {
  size_t found = 0;
  for (const std::string_view kind : PluginKinds()) {
    for (const std::string& name : plugins_.Names(kind)) {
      const auto plugin = plugins_.Find(kind, name);
      ASSERT_TRUE(plugin.ok()) << plugin.status();
      ++found;
      for (size_t i = 0; i < (*plugin)->settings_count; ++i) {
        const std::string section = absl::StrCat((*plugin)->kind, ".", name, ".");
        EXPECT_THAT(file_.text, HasSubstr(RenderProperties(section, {(*plugin)->settings + i, 1})));
      }
      EXPECT_TRUE(config_->ForPlugin(**plugin).ok()) << config_->ForPlugin(**plugin).status();
    }
  }
  EXPECT_GT(found, 0u);
}

TEST_F(ShippedSettings, NamePluginsThatThereAre) {
  EXPECT_TRUE(config_->CheckPluginNames(plugins_).ok()) << config_->CheckPluginNames(plugins_);
  for (const std::string_view kind : PluginKinds()) {
    const std::string key = absl::StrCat(av(kind), ".plugin");
    for (const std::string& name : config_->settings().List(key)) {
      EXPECT_TRUE(plugins_.CheckName(kind, name).ok()) << plugins_.CheckName(kind, name);
    }
  }
}

TEST_F(ShippedSettings, HaveProfilesThatCanBeRead) {
  const auto profiles = config_->Profiles();
  EXPECT_TRUE(profiles.contains(config_->settings().Text("content.profile")));
  for (const auto& [name, text] : profiles) {
    const auto profile = ParseProfile(name, text);
    ASSERT_TRUE(profile.ok()) << profile.status();
    EXPECT_TRUE(plugins_.CheckName("chunking", profile->chunker).ok()) << name;
  }
}

}  // namespace
}  // namespace l2p
