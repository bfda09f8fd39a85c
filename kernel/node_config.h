#ifndef L2P_KERNEL_NODE_CONFIG_H_
#define L2P_KERNEL_NODE_CONFIG_H_

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/loader/registry.h"
#include "l2p/settings.h"

namespace l2p {

// A NodeConfig is all settings of a node, as files and command line gave them, and where each came
// from. Keys are of three forms:
//   <section>.<key>              the kernel's, listed in Schema()
//   <kind>.<plugin>.<key>        a plugin's, checked against its schema when it is opened
//   content.profile.<name>       see kernel/content/profile.h
// A value; [any thread] for const calls.
class NodeConfig {
 public:
  // A file that was read: its name, for messages, and its text.
  struct Source {
    std::string name;
    std::string text;
  };

  // The kernel's keys, with full names.
  static std::span<const SettingSpec> Schema();

  // Later files win over earlier ones, and `assignments` ("key=value", from the command line) over
  // all. InvalidArgument names the file and line of the first fault, and the key that was meant.
  static absl::StatusOr<NodeConfig> Parse(std::span<const Source> files,
                                          std::span<const std::string> assignments);

  // The kernel's settings, complete and checked: settings().Integer("node.tasks").
  const Settings& settings() const { return settings_; }

  // The text of each content.profile.<name>, by name.
  std::map<std::string, std::string> Profiles() const;

  // What is set for `plugin`, with `over` (without section) over it, checked against its schema,
  // with its defaults.
  absl::StatusOr<Settings> ForPlugin(const PluginDescriptor& plugin,
                                     const std::map<std::string, std::string>& over = {}) const;

  // What was set of <kind>.plugin and of the settings of the plugin it names, by full key.
  std::map<std::string, std::string> ChoiceOf(std::string_view kind) const;

  // Whether some of ChoiceOf(kind) came from the command line.
  bool FromCommandLine(std::string_view kind) const;

  // The keys whose values differ between this and `other`.
  std::vector<std::string> Differences(const NodeConfig& other) const;

  // InvalidArgument if a key belongs to a plugin that there is no file for. Loads nothing.
  absl::Status CheckPluginNames(const PluginRegistry& plugins) const;

  // `status`, if it is an error, with where the value of `key` came from and the key put before it:
  // "swarm/node.properties:12: storage.plugin: <status>".
  absl::Status At(std::string_view key, const absl::Status& status) const;

 private:
  struct Value {
    std::string text;
    std::string origin;  // "<file>:<line>" or "command line".
  };

  absl::Status Set(const std::string& key, Value value);

  std::map<std::string, Value> values_;  // What was set, by full key.
  Settings settings_;
};

// `schema` as the lines of a properties file: help, what is allowed, key and default. `section` is
// put before each name ("storage.<plugin>." for a plugin, "" for the kernel).
std::string RenderProperties(std::string_view section, std::span<const SettingSpec> schema);

}  // namespace l2p

#endif  // L2P_KERNEL_NODE_CONFIG_H_
