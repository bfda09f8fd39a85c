#include "kernel/node_config.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "kernel/nearest_name.h"
#include "kernel/properties.h"
#include "l2p/plugin_file.h"

namespace l2p {
namespace {

constexpr char kProfilePrefix[] = "content.profile.";
constexpr char kCommandLine[] = "command line";

constexpr SettingSpec kSchema[] = {
    {"data.dir", SettingType::kText, "", "",
     "folder of all that the node keeps; empty: ${XDG_DATA_HOME:-~/.local/share}/l2p"},
    {"log.level", SettingType::kText, "info", "debug|info|warning|error",
     "log lines of less weight are left out"},
    {"node.tasks", SettingType::kInteger, "256", "16..100000",
     "tasks that run at once; what comes on top is refused"},
    {"node.memory", SettingType::kSize, "64MiB", "16MiB..1TiB",
     "bytes of blocks on their way through the node, whatever the size of the files"},
    {"plugins.path", SettingType::kList, "", "",
     "folders with <kind>/<name>.so, searched in order; empty: those of this installation"},
    {"network.announce", SettingType::kList, "", "",
     "addresses to tell others instead of those listened on, such as a forwarded port"},
    {"network.bootstrap", SettingType::kList, "", "",
     "addresses of nodes to join by, with /p2p/<id> or without; empty: the first node of a swarm"},
    {"network.connections", SettingType::kInteger, "1000", "1..100000",
     "connections that other nodes may have opened to this one"},
    {"crypto.plugin", SettingType::kText, "", "", "keys, signatures and SHA-256"},
    {"transport.plugin", SettingType::kList, "", "",
     "transports to listen with, each on its own setting `listen`; all that are found dial"},
    {"routing.plugin", SettingType::kText, "", "", "how peers and holders are found"},
    {"storage.plugin", SettingType::kText, "", "", "where blocks are kept"},
    {"storage.quota", SettingType::kSize, "", "1MiB..1000000TiB",
     "disk space for blocks; empty: a tenth of the free disk at first start, at least 1GiB"},
    {"storage.scrub_interval", SettingType::kDuration, "30d", "1m..3650d",
     "how long reading all held blocks once, to find damaged ones, may take"},
    {"hashing.plugin", SettingType::kText, "", "",
     "hash function of new files; all that are found verify"},
    {"chunking.plugin", SettingType::kText, "", "", "how new files are cut"},
    {"service.plugin", SettingType::kList, "", "", "add-ons to run"},
    {"content.profile", SettingType::kText, "", "",
     "shape of new files' dags: the name of one of the content.profile.<name>"},
    {"placement.redundancy", SettingType::kText, "auto", "",
     "how a put is spread over other nodes: copies:N, rs:K/N (any K of N), or auto, by their "
     "number"},
    {"placement.candidates", SettingType::kInteger, "40", "1..1000",
     "nodes nearest to a group's id that may be asked to hold it"},
    {"placement.quota_per_peer", SettingType::kSize, "10GiB", "0..1000000TiB",
     "disk space that one other node's pushes may use here"},
    {"placement.quota_per_network", SettingType::kSize, "40GiB", "0..1000000TiB",
     "disk space that pushes from one public /24 (IPv6: /48) may use here"},
    {"placement.blocks_per_peer", SettingType::kInteger, "500000", "0..1000000000",
     "blocks that one other node's pushes may leave here, however small"},
    {"placement.lease", SettingType::kText, "forever", "",
     "how long holders are asked to keep a put: 90d, 12h, forever; renewed while this node runs"},
    {"placement.max_lease", SettingType::kText, "forever", "",
     "the longest lease that is given to others: 365d, forever"},
    {"admin.listen", SettingType::kText, "127.0.0.1:4423", "",
     "address of the HTTP interface, behind a token; port 0: any free one; empty: none"},
    {"admin.socket", SettingType::kText, "", "",
     "path of the HTTP interface for this machine's user; empty: data.dir/admin.sock"},
};

const SettingSpec* FindKey(std::string_view key) {
  for (const SettingSpec& spec : kSchema) {
    if (key == spec.name) return &spec;
  }
  return nullptr;
}

// The kind and plugin of a key of the form <kind>.<plugin>.<key>, or empty ones.
std::pair<std::string, std::string> PluginOf(std::string_view key) {
  const std::vector<std::string> parts = absl::StrSplit(av(key), absl::MaxSplits('.', 2));
  const std::span<const std::string_view> kinds = PluginKinds();
  if (parts.size() < 3 || std::find(kinds.begin(), kinds.end(), parts[0]) == kinds.end()) return {};
  return {parts[0], parts[1]};
}

absl::Status Unknown(std::string_view key, std::string_view section,
                     std::span<const SettingSpec> schema) {
  std::vector<std::string> keys;
  for (const SettingSpec& spec : schema) keys.push_back(absl::StrCat(av(section), spec.name));
  return absl::InvalidArgumentError(
      absl::StrCat("unknown key '", av(key), "'", DidYouMean(key, keys)));
}

}  // namespace

std::span<const SettingSpec> NodeConfig::Schema() { return kSchema; }

absl::StatusOr<NodeConfig> NodeConfig::Parse(std::span<const Source> files,
                                             std::span<const std::string> assignments) {
  NodeConfig config;
  for (const Source& file : files) {
    L2P_ASSIGN_OR_RETURN(const std::vector<Property> properties,
                         ParseProperties(file.name, file.text));
    for (const Property& property : properties) {
      L2P_RETURN_IF_ERROR(config.Set(
          property.key,
          {.text = property.value, .origin = absl::StrCat(file.name, ":", property.line)}));
    }
  }
  for (const std::string& assignment : assignments) {
    const size_t separator = assignment.find('=');
    if (separator == std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("command line: expected key=value, found \"", assignment, "\""));
    }
    L2P_RETURN_IF_ERROR(
        config.Set(assignment.substr(0, separator),
                   {.text = assignment.substr(separator + 1), .origin = kCommandLine}));
  }
  std::map<std::string, std::string> kernel;
  for (const auto& [key, value] : config.values_) {
    if (FindKey(key) != nullptr) kernel[key] = value.text;
  }
  L2P_ASSIGN_OR_RETURN(config.settings_, Settings::Make(kSchema, kernel));
  return config;
}

absl::Status NodeConfig::Set(const std::string& key, Value value) {
  values_[key] = std::move(value);
  const Value& stored = values_[key];
  if (const SettingSpec* spec = FindKey(key)) return At(key, CheckSetting(*spec, stored.text));
  const bool profile = key.starts_with(kProfilePrefix) && key.size() > std::strlen(kProfilePrefix);
  if (profile || !PluginOf(key).first.empty()) return absl::OkStatus();
  return WithContext(Unknown(key, "", kSchema), stored.origin);
}

std::map<std::string, std::string> NodeConfig::Profiles() const {
  std::map<std::string, std::string> profiles;
  for (const auto& [key, value] : values_) {
    absl::string_view name = key;
    if (absl::ConsumePrefix(&name, kProfilePrefix)) profiles[std::string(name)] = value.text;
  }
  return profiles;
}

absl::StatusOr<Settings> NodeConfig::ForPlugin(
    const PluginDescriptor& plugin, const std::map<std::string, std::string>& over) const {
  const std::span<const SettingSpec> schema(plugin.settings, plugin.settings_count);
  const std::string section = absl::StrCat(plugin.kind, ".", plugin.name, ".");
  std::map<std::string, std::string> own;
  for (auto it = values_.lower_bound(section);
       it != values_.end() && it->first.starts_with(section); ++it) {
    const auto& [key, value] = *it;
    const std::string name = key.substr(section.size());
    const auto spec = std::find_if(schema.begin(), schema.end(),
                                   [&name](const SettingSpec& each) { return name == each.name; });
    if (spec == schema.end()) return WithContext(Unknown(key, section, schema), value.origin);
    L2P_RETURN_IF_ERROR(At(key, CheckSetting(*spec, value.text)));
    own[name] = value.text;
  }
  for (const auto& [name, text] : over) own[name] = text;
  return Settings::Make(schema, own);
}

std::map<std::string, std::string> NodeConfig::ChoiceOf(std::string_view kind) const {
  const std::string key = absl::StrCat(av(kind), ".plugin");
  const std::string section = absl::StrCat(av(kind), ".", settings_.Text(key), ".");
  std::map<std::string, std::string> choice;
  for (const auto& [name, value] : values_) {
    if (name == key || name.starts_with(section)) choice[name] = value.text;
  }
  return choice;
}

bool NodeConfig::FromCommandLine(std::string_view kind) const {
  const std::map<std::string, std::string> choice = ChoiceOf(kind);
  return std::any_of(choice.begin(), choice.end(), [this](const auto& each) {
    return values_.at(each.first).origin == kCommandLine;
  });
}

std::vector<std::string> NodeConfig::Differences(const NodeConfig& other) const {
  std::map<std::string, std::string> mine;
  std::map<std::string, std::string> theirs;
  for (const auto& [key, value] : values_) mine[key] = value.text;
  for (const auto& [key, value] : other.values_) theirs[key] = value.text;
  std::set<std::string> keys;
  for (const auto& [key, text] : mine) {
    if (!theirs.contains(key) || theirs[key] != text) keys.insert(key);
  }
  for (const auto& [key, text] : theirs) {
    if (!mine.contains(key)) keys.insert(key);
  }
  return {keys.begin(), keys.end()};
}

absl::Status NodeConfig::CheckPluginNames(const PluginRegistry& plugins) const {
  for (const auto& [key, value] : values_) {
    const auto [kind, name] = PluginOf(key);
    if (!kind.empty()) L2P_RETURN_IF_ERROR(At(key, plugins.CheckName(kind, name)));
  }
  return absl::OkStatus();
}

absl::Status NodeConfig::At(std::string_view key, const absl::Status& status) const {
  const auto found = values_.find(std::string(key));
  const std::string origin = found == values_.end() ? "" : absl::StrCat(found->second.origin, ": ");
  return WithContext(status, absl::StrCat(origin, av(key)));
}

std::string RenderProperties(std::string_view section, std::span<const SettingSpec> schema) {
  std::string text;
  for (const SettingSpec& spec : schema) {
    absl::StrAppend(&text, "# ", spec.help);
    if (*spec.allowed != '\0') absl::StrAppend(&text, " (", spec.allowed, ")");
    absl::StrAppend(&text, "\n", av(section), spec.name, " =", *spec.fallback == '\0' ? "" : " ",
                    spec.fallback, "\n");
  }
  return text;
}

}  // namespace l2p
