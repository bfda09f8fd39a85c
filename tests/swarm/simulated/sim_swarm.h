#ifndef L2P_TESTS_SWARM_SIMULATED_SIM_SWARM_H_
#define L2P_TESTS_SWARM_SIMULATED_SIM_SWARM_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernel/node.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/sim_network.h"
#include "l2p/testkit/sim_runtime.h"
#include "l2p/testkit/simulation.h"
#include "tests/kernel/content/memory_files.h"

namespace l2p {

// A SimSwarm is whole nodes in one process: the kernel with the built plugin files, each over a
// disk in memory, joined by a simulated network, in virtual time. Node 0 is the one that all others
// bootstrap from. Everything that can wait is called from within Run.
class SimSwarm {
 public:
  using Settings = std::vector<std::string>;  // "key=value"

  struct Options {
    size_t nodes = 20;
    uint64_t seed = 1;
    testkit::SimNetwork::Options network = {.up = 12'500'000, .down = 12'500'000};
    Settings settings = {};                   // Of all nodes, on top of config/node.properties.
    std::map<size_t, Settings> of_node = {};  // Of single ones, on top of those.
    std::vector<const PluginDescriptor*> plugins =
        {};                                       // Beside the built ones; the sooner ones win.
    Duration longest_run = absl::Hours(24 * 30);  // Of virtual time.
  };
  explicit SimSwarm(Options options);
  ~SimSwarm();
  SimSwarm(const SimSwarm&) = delete;
  SimSwarm& operator=(const SimSwarm&) = delete;

  // Starts all nodes, waits until everyone knows others, runs `body` as a task, and stops what
  // still runs. Whatever does not start, and every task that a stopped node leaves behind, fails
  // the test.
  void Run(const std::function<void()>& body);

  // One node more, started; its number.
  size_t AddNode();

  size_t size() const { return members_.size(); }
  bool runs(size_t i) const { return members_[i].node != nullptr; }
  KernelNode& node(size_t i) { return *members_[i].node; }
  testkit::SimRuntime& runtime(size_t i) { return *members_[i].runtime; }
  testkit::MemoryDisk& disk(size_t i) { return *members_[i].disk; }
  testkit::SimNetwork& network() { return network_; }
  testkit::Simulation& simulation() { return simulation_; }

  // Drains the node, for at most kDrain, and ends its process.
  static constexpr Duration kDrain = absl::Seconds(8);
  void Stop(size_t i);
  // SIGKILL: the process is gone, its connections are reset, its disk stays as it is.
  void Kill(size_t i);
  // The power goes: silence, and the disk forgets what was not synced.
  void CutPower(size_t i);
  // SIGSTOP and SIGCONT.
  void Freeze(size_t i);
  void Thaw(size_t i);
  // Starts a node that was ended; perhaps with other settings of its own from now on.
  absl::Status TryStart(size_t i);
  void Start(size_t i);
  void ChangeSettings(size_t i, Settings settings) { options_.of_node[i] = std::move(settings); }

  // Puts a lone file. Small chunks by default, so that small content has many blocks.
  absl::StatusOr<Content::PutResult> Put(size_t i, const std::string& content,
                                         Content::PutOptions options = SmallChunks());
  absl::StatusOr<Content::PutResult> Put(size_t i, Input& input,
                                         const Content::PutOptions& options = SmallChunks());
  static Content::PutOptions SmallChunks();
  static Content::PutOptions Local();

  struct Got {
    std::map<std::string, std::string> files;  // A lone one has the empty path.
    Duration took;
    std::vector<Exchange::Served> served;
    std::string lone() const { return files.contains("") ? files.at("") : "no lone file"; }
  };
  // As `l2p get` does: exports into memory.
  absl::StatusOr<Got> Get(size_t i, const Cid& id, bool local_only = false);

  // Running nodes other than `but` that have the whole dag.
  std::vector<size_t> Holders(const Cid& id, size_t but);
  // The running node with this id.
  size_t NodeOf(const PeerId& peer);

 private:
  struct Member {
    std::string name;
    std::unique_ptr<testkit::MemoryDisk> disk = std::make_unique<testkit::MemoryDisk>();
    std::unique_ptr<NodeConfig> config;
    std::unique_ptr<testkit::SimRuntime> runtime;
    std::unique_ptr<KernelNode> node;
  };

  void NewMember();
  absl::StatusOr<NodeConfig> ConfigOf(size_t i) const;
  void WaitUntilJoined();
  void End(size_t i, testkit::SimNetwork::Fate fate);

  Options options_;
  testkit::Simulation simulation_;
  testkit::SimNetwork network_;
  PluginRegistry plugins_;
  std::vector<Member> members_;
};

// The built plugin file, loaded.
const PluginDescriptor* BuiltPlugin(const std::string& kind, const std::string& name);

}  // namespace l2p

#endif  // L2P_TESTS_SWARM_SIMULATED_SIM_SWARM_H_
