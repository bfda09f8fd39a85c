#ifndef L2P_TESTKIT_SIMULATE_EXPERIMENT_H_
#define L2P_TESTKIT_SIMULATE_EXPERIMENT_H_

#include <memory>

#include "figures.h"
#include "l2p/crypto.h"
#include "l2p/plugin.h"
#include "scenario.h"

namespace l2p::testkit {

// Runs `scenario` with a network of nodes that all have this routing plugin. The same arguments
// give the same figures, but for those of the machine.
absl::StatusOr<Figures> RunExperiment(const Scenario& scenario, uint64_t seed,
                                      const PluginDescriptor& plugin,
                                      std::shared_ptr<const Crypto> crypto);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SIMULATE_EXPERIMENT_H_
