#ifndef L2P_TESTKIT_WORLDS_H_
#define L2P_TESTKIT_WORLDS_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "l2p/plugin.h"
#include "l2p/testkit/conformance.h"

namespace l2p::testkit {

// Worlds that are a Simulation each: nodes with a MemoryDisk, on one SimNetwork.
WorldFactory SimWorlds(HostFactory hosts, uint64_t seed = 1);

// Worlds of real runtimes, one for each node, that listen on 127.0.0.1. `runtimes` makes the one of
// node `i`; called again for the same `i` in the same World it is a restart over the same folder.
using RuntimeFactory = std::function<std::unique_ptr<Runtime>(size_t i)>;
// Called once for each World.
using RuntimesFactory = std::function<RuntimeFactory()>;
WorldFactory RealWorlds(RuntimesFactory runtimes, HostFactory hosts);

// The factory in `descriptor`, which outlives it, with default settings but for `values`.
template <typename Kind>
Factory<Kind> FactoryOf(const PluginDescriptor& descriptor,
                        std::map<std::string, std::string> values = {}) {
  return [&descriptor, values](Host& host) -> absl::StatusOr<std::unique_ptr<Kind>> {
    L2P_ASSIGN_OR_RETURN(
        const Settings settings,
        Settings::Make(std::span(descriptor.settings, descriptor.settings_count), values));
    void* made = nullptr;
    L2P_RETURN_IF_ERROR(descriptor.open(host, settings, &made));
    return std::unique_ptr<Kind>(static_cast<Kind*>(made));
  };
}

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_WORLDS_H_
