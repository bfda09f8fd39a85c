#include "scenario.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kernel/nearest_name.h"
#include "kernel/properties.h"

namespace l2p::testkit {
namespace {

constexpr char kSuffix[] = ".scenario";
constexpr char kPluginPrefix[] = "routing.";

constexpr SettingSpec kKeys[] = {
    {"nodes", SettingType::kInteger, "1000", "8..100000", "nodes when all have joined"},
    {"bootstrap", SettingType::kInteger, "5", "1..100",
     "of them, well known to all: they start first, never leave, die or lie"},
    {"join", SettingType::kDuration, "20ms", "0s..1h", "between one node's start and the next"},
    {"newcomers_percent", SettingType::kInteger, "0", "0..99",
     "of the nodes, start only when measuring begins"},
    {"newcomers_over", SettingType::kDuration, "10s", "0s..24h", "the time in which they start"},
    {"session", SettingType::kDuration, "0s", "0s..30d",
     "median time a node stays (exponential); a new one replaces it at once; 0s: for ever"},
    {"settle", SettingType::kDuration, "30m", "0s..30d", "from the last start to what follows"},
    {"idle", SettingType::kDuration, "30m", "0s..30d", "in which the idle network is watched"},
    {"dead_percent", SettingType::kInteger, "0", "0..90",
     "of the nodes, vanish at once when measuring begins"},
    {"liars_percent", SettingType::kInteger, "0", "0..90",
     "of the nodes, name only each other from when measuring begins, and keep nothing"},
    {"partition_percent", SettingType::kInteger, "0", "0..90",
     "of the nodes, cut off from the others, then together again when measuring begins"},
    {"partition_for", SettingType::kDuration, "10m", "0s..30d", "how long they were apart"},
    {"measure", SettingType::kDuration, "10m", "1s..30d", "the time over which lookups start"},
    {"find", SettingType::kInteger, "2000", "0..1000000",
     "lookups of the closest peer, warm, and as many cold"},
    {"place", SettingType::kInteger, "2000", "0..1000000",
     "lookups of the place_peers closest peers, warm, and as many cold"},
    {"place_peers", SettingType::kInteger, "20", "1..1000", "so many"},
    {"get", SettingType::kInteger, "0", "0..1000000",
     "lookups of a provider that has announced itself before, warm, and as many cold"},
    {"announce", SettingType::kInteger, "0", "0..10000000", "ids that one node announces"},
    {"latency", SettingType::kDuration, "80ms", "0s..10s",
     "median round trip between two nodes (log-normal)"},
    {"latency_sigma_percent", SettingType::kInteger, "60", "0..300", "its sigma, times 100"},
    {"public", SettingType::kBoolean, "true", "",
     "public addresses, one /24 each, instead of private ones"},
};

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  if (!in) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  return text.str();
}

std::set<std::string> Shipped(const std::vector<std::string>& folders) {
  std::set<std::string> names;
  for (const std::string& folder : folders) {
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
      if (entry.path().extension() == kSuffix) names.insert(entry.path().stem().string());
    }
  }
  return names;
}

absl::StatusOr<std::string> FindFile(const std::string& name,
                                     const std::vector<std::string>& folders) {
  std::error_code error;
  if (std::filesystem::is_regular_file(name, error)) return name;
  for (const std::string& folder : folders) {
    const std::string path = absl::StrCat(folder, "/", name, kSuffix);
    if (std::filesystem::is_regular_file(path, error)) return path;
  }
  return absl::NotFoundError(absl::StrCat(
      "scenario '", name,
      "': no such file, and not one of the shipped ones: ", absl::StrJoin(Shipped(folders), ", ")));
}

absl::Status AddPluginSetting(const Property& property, Scenario& scenario) {
  const std::string name = property.key.substr(sizeof kPluginPrefix - 1);
  const size_t dot = name.find('.');
  if (dot == std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected routing.<plugin>.<key>, found '", property.key, "'"));
  }
  scenario.plugin_settings[name.substr(0, dot)][name.substr(dot + 1)] = property.value;
  return absl::OkStatus();
}

absl::Status CheckKey(const Property& property) {
  std::vector<std::string> names;
  for (const SettingSpec& spec : kKeys) {
    if (property.key == spec.name) return CheckSetting(spec, property.value);
    names.push_back(spec.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown key '", property.key, "'", DidYouMean(property.key, names)));
}

}  // namespace

std::span<const SettingSpec> ScenarioKeys() { return kKeys; }

absl::StatusOr<Scenario> LoadScenario(const std::string& name,
                                      const std::vector<std::string>& folders) {
  L2P_ASSIGN_OR_RETURN(const std::string path, FindFile(name, folders));
  L2P_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  L2P_ASSIGN_OR_RETURN(const std::vector<Property> properties, ParseProperties(path, text));
  Scenario scenario;
  scenario.name = std::filesystem::path(path).stem().string();
  std::map<std::string, std::string> values;
  for (const Property& property : properties) {
    const std::string place = absl::StrCat(path, ":", property.line);
    if (absl::StartsWith(property.key, kPluginPrefix)) {
      L2P_RETURN_IF_ERROR(WithContext(AddPluginSetting(property, scenario), place));
      continue;
    }
    L2P_RETURN_IF_ERROR(WithContext(CheckKey(property), place));
    values[property.key] = property.value;
  }
  L2P_ASSIGN_OR_RETURN(scenario.settings, Settings::Make(kKeys, values));
  return scenario;
}

}  // namespace l2p::testkit
