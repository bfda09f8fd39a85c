#ifndef L2P_TESTKIT_ROUTING_WORLD_H_
#define L2P_TESTKIT_ROUTING_WORLD_H_

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "l2p/crypto.h"
#include "l2p/router.h"
#include "l2p/testkit/conformance.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/sim_messenger.h"
#include "l2p/testkit/sim_network.h"
#include "l2p/testkit/sim_runtime.h"

namespace l2p::testkit {

// A RoutingWorld is a network of nodes that have a router each and nothing above it, cheap enough
// for ten thousand of them: one Simulation, SimMessengers, no kernel. Whatever is in the routers'
// tables they have learnt by themselves.
//
// Use it inside a task of its Simulation.
class RoutingWorld {
 public:
  struct Options {
    SimNetwork::Options network = {};
    SimMessengers::Options messages = {};
    // The address of node i, "10.0.0.1" and so on without it.
    std::function<std::string(size_t i)> ip = nullptr;
  };

  // All are lent or copied; `simulation` outlives this.
  RoutingWorld(Simulation& simulation, Factory<Router> routers, HostFactory hosts, Options options);
  ~RoutingWorld();
  RoutingWorld(const RoutingWorld&) = delete;
  RoutingWorld& operator=(const RoutingWorld&) = delete;

  // Makes the next node and starts it; it knows the nodes `known`.
  absl::StatusOr<size_t> Add(std::span<const size_t> known);

  // Starts a node that was stopped over the disk it had.
  absl::Status Restart(size_t i, std::span<const size_t> known);

  // Ends a node in order: its router stops, its connections close.
  void Stop(size_t i);

  // The power of these nodes is cut, at once: silence. Their memory is given back.
  void Vanish(std::span<const size_t> nodes);

  size_t size() const { return nodes_.size(); }
  bool runs(size_t i) const {
    return nodes_[i]->router != nullptr && network_.fate(i) == SimNetwork::Fate::kUp;
  }
  Time started(size_t i) const { return nodes_[i]->started; }
  // REQUIRES: runs(i).
  Router& router(size_t i) { return *nodes_[i]->router; }
  SimMessenger& messenger(size_t i) { return *nodes_[i]->messenger; }
  Host& host(size_t i) { return *nodes_[i]->host; }

  const PeerInfo& peer(size_t i) const { return nodes_[i]->info; }
  std::optional<size_t> NodeOf(ByteView peer_id) const;

  SimNetwork& network() { return network_; }
  SimMessengers& messengers() { return messengers_; }
  Simulation& simulation() { return simulation_; }
  Time In(Duration duration) { return simulation_.Now() + duration; }

  // The first 64 bits of SHA-256: in a world of thousands they tell all positions apart.
  uint64_t PositionOf(ByteView key) const;
  uint64_t position(size_t i) const { return nodes_[i]->position; }

  // The `n` running nodes for which `counts` that are closest to `key`, closest first.
  std::vector<size_t> Closest(ByteView key, size_t n,
                              const std::function<bool(size_t)>& counts) const;

 private:
  struct Node {
    MemoryDisk disk;
    std::unique_ptr<SimRuntime> runtime;
    std::unique_ptr<Host> host;
    std::unique_ptr<SimMessenger> messenger;
    std::unique_ptr<Router> router;
    PeerInfo info;
    uint64_t position = 0;
    Time started;
  };

  Simulation& simulation_;
  const Factory<Router> routers_;
  const HostFactory hosts_;
  const Options options_;
  SimNetwork network_;
  SimMessengers messengers_;
  std::vector<std::unique_ptr<Node>> nodes_;
  absl::flat_hash_map<std::string, size_t> by_id_;
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_ROUTING_WORLD_H_
