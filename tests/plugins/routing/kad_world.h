#ifndef L2P_TESTS_PLUGINS_ROUTING_KAD_WORLD_H_
#define L2P_TESTS_PLUGINS_ROUTING_KAD_WORLD_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kademlia_router.h"
#include "l2p/testkit/conformance.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/sim_messenger.h"
#include "l2p/testkit/sim_network.h"
#include "l2p/testkit/sim_runtime.h"
#include "l2p/testkit/test_host.h"

namespace l2p::testkit {

const Crypto& TestCrypto();

// The id of the Ed25519 key with seed `i`, 0, 0, ...
PeerId TestPeer(uint64_t i);

// A peer with one address, /ip4/<ip>/tcp/4422.
PeerInfo TestPeerAt(uint64_t i, const std::string& ip);

// The multihash in a raw CIDv1 of text number `seed`.
Multihash TestKey(uint64_t seed);

// Hosts whose node i is TestPeer(i).
HostFactory KadHosts();

constexpr char kKadProtocol[] = "/l2p/kad/1.0.0";

// A simulated network of Kademlia nodes; node 0 is everybody's bootstrap peer. Use it inside a task
// of its Simulation.
class KadWorld {
 public:
  using Adjust = std::function<void(KademliaRouter::Options&)>;

  using Addresses = std::function<std::string(size_t i)>;

  // `ip` gives node i its address; without it they are private ones.
  explicit KadWorld(Simulation& simulation, Adjust adjust = nullptr,
                    SimNetwork::Options network = {}, Addresses ip = nullptr);
  ~KadWorld();

  // Starts nodes (before any stranger) until there are `size`, 20 ms apart, and lets `settle` pass.
  void Grow(size_t size, Duration settle = absl::Seconds(30));

  // The process of node `i` dies by SIGKILL, or ends in order; and is started again over its disk.
  // In `seeds` it is told of nobody, it knows what it kept.
  void StopNode(size_t i);
  void Restart(size_t i, bool with_bootstrap = true);

  // A node without a router that is the peer `id` and answers kad requests as `handler` does.
  // Returns its messenger, which lives as long as this.
  SimMessenger& AddStranger(const PeerId& id, Messenger::Handler handler, std::string ip = "");

  size_t size() const { return nodes_.size(); }
  KademliaRouter& router(size_t i) { return *nodes_[i]->router; }
  kademlia::Membership& membership(size_t i) { return *router(i).memberships().front(); }
  SimMessenger& messenger(size_t i) { return *nodes_[i]->messenger; }
  TestMetrics& metrics(size_t i) { return static_cast<TestMetrics&>(nodes_[i]->host->metrics()); }
  PeerInfo peer(size_t i) { return nodes_[i]->info; }
  SimNetwork& network() { return network_; }
  SimMessengers& messengers() { return messengers_; }
  Simulation& simulation() { return simulation_; }
  Time In(Duration duration) { return simulation_.Now() + duration; }

  // The `n` nodes for which `counts` that are closest to `key`, closest first; not `asking`.
  std::vector<PeerId> Closest(const Multihash& key, size_t n, size_t asking,
                              const std::function<bool(size_t)>& counts = nullptr);

  // All that a query yields.
  std::vector<PeerInfo> Providers(size_t asking, const Multihash& key, size_t most = 20);

 private:
  struct Node {
    MemoryDisk disk;
    std::unique_ptr<SimRuntime> runtime;
    std::unique_ptr<Host> host;
    std::unique_ptr<SimMessenger> messenger;
    std::unique_ptr<KademliaRouter> router;
    PeerInfo info;
    kademlia::Position position;
  };

  struct Stranger {
    MemoryDisk disk;
    std::unique_ptr<SimRuntime> runtime;
    std::unique_ptr<SimMessenger> messenger;
    std::unique_ptr<Registration> served;
  };

  void StartNode(size_t i, bool with_bootstrap);

  Simulation& simulation_;
  const Adjust adjust_;
  const Addresses ip_;
  const HostFactory hosts_;
  SimNetwork network_;
  SimMessengers messengers_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::vector<std::unique_ptr<Stranger>> strangers_;
};

}  // namespace l2p::testkit

#endif  // L2P_TESTS_PLUGINS_ROUTING_KAD_WORLD_H_
