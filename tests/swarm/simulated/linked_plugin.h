#ifndef L2P_TESTS_SWARM_SIMULATED_LINKED_PLUGIN_H_
#define L2P_TESTS_SWARM_SIMULATED_LINKED_PLUGIN_H_

#include "kernel/loader/registry.h"
#include "l2p/plugin.h"
#include "tests/swarm/simulated/sim_swarm.h"

namespace l2p {

// A plugin without settings that is linked into the test (SimSwarm::Options::plugins).
template <typename Kind, absl::StatusOr<std::unique_ptr<Kind>> (*Open)(Host&, const Settings&)>
constexpr PluginDescriptor DescribeLinked(const char* name) {
  return {kPluginMagic,
          sizeof(PluginDescriptor),
          kSdkMajor,
          kSdkMinor,
          L2P_TOOLCHAIN,
          Kind::kKind,
          name,
          "1.0.0",
          nullptr,
          0,
          &OpenAs<Kind, Open>};
}

// The built plugin, opened with its default settings: what another one does its work with.
template <typename Kind>
absl::StatusOr<std::unique_ptr<Kind>> OpenBuilt(const char* name, Host& host) {
  const PluginDescriptor& built = *BuiltPlugin(Kind::kKind, name);
  L2P_ASSIGN_OR_RETURN(const Settings settings,
                       Settings::Make({built.settings, built.settings_count}, {}));
  return OpenPlugin<Kind>(built, host, settings);
}

}  // namespace l2p

#endif  // L2P_TESTS_SWARM_SIMULATED_LINKED_PLUGIN_H_
