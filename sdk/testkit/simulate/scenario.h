#ifndef L2P_TESTKIT_SIMULATE_SCENARIO_H_
#define L2P_TESTKIT_SIMULATE_SCENARIO_H_

#include <map>
#include <string>
#include <vector>

#include "l2p/settings.h"

namespace l2p::testkit {

// A Scenario says what a simulated network is like and what happens to it. Its keys are those of
// ScenarioKeys(); besides, "routing.<plugin>.<key> = value" is a setting of the plugin so named.
struct Scenario {
  std::string name;
  Settings settings;
  std::map<std::string, std::map<std::string, std::string>> plugin_settings;  // By plugin.
};

std::span<const SettingSpec> ScenarioKeys();

// `name` is a file, or that of a scenario shipped in one of `folders`. NotFound lists the shipped
// ones; InvalidArgument names file and line of what is wrong.
absl::StatusOr<Scenario> LoadScenario(const std::string& name,
                                      const std::vector<std::string>& folders);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SIMULATE_SCENARIO_H_
