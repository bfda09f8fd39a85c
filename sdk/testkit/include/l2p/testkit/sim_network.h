#ifndef L2P_TESTKIT_SIM_NETWORK_H_
#define L2P_TESTKIT_SIM_NETWORK_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "l2p/multiaddr.h"
#include "l2p/plugin.h"
#include "l2p/testkit/simulation.h"
#include "l2p/transport.h"

namespace l2p::testkit {

class SimTransport;

// A SimNetwork is the network between the nodes of one Simulation: hosts with an address, latency
// and bandwidth between them, and what goes wrong. Delivery is lossless and in order for as long as
// a connection stands; a cut path only holds bytes back, as TCP does.
//
// The `sim` transport (kSimTransport) runs on it: give each node's SimRuntime the ability
// SetAbility(SimNetwork::kAbility, network.port(node)). Addresses are /memory/<node> and
// /ip4/<the node's ip>/tcp/<port>. It proves no key: peers are who their host.identity() says.
//
// Belongs to the Simulation's thread and outlives the transports on it.
class SimNetwork {
 public:
  static constexpr char kAbility[] = "l2p.sim_network.1";

  struct Options {
    uint64_t seed = 1;  // Of the latencies; nothing else here is left to chance.

    // One way, between two nodes: the median over all pairs, and how far pairs scatter about it
    // (the sigma of a log-normal distribution; 0: all the same).
    Duration latency = absl::Milliseconds(10);
    double latency_sigma = 0;

    // Of each node, bytes per second; 0: without limit.
    uint64_t up = 0;
    uint64_t down = 0;

    size_t window = 256 * 1024;      // Unread bytes of one stream on the way to its reader.
    size_t max_connections = 65536;  // Of a node.
    size_t max_streams = 1024;       // Of a connection, both directions.

    // After so long without a path a connection ends, and a dial nobody answers fails.
    Duration silence = absl::Seconds(60);
  };

  enum class Fate {
    kUp,
    kRefusing,  // The process died: its connections are reset, dials refused.
    kFrozen,    // SIGSTOP: bytes reach its buffers, nothing answers (SimRuntime::Freeze as well).
    kDown,      // Power cut: silence. Its transports are dead for good; kUp lets new ones start.
  };

  // What a node sent and received: payload bytes (no headers) in messages, as they were handed
  // to the wire.
  struct Traffic {
    uint64_t messages_out = 0;
    uint64_t messages_in = 0;
    uint64_t bytes_out = 0;
    uint64_t bytes_in = 0;
    uint64_t dials = 0;
    uint64_t failed_dials = 0;
  };

  // How long calls on streams said that they would wait, and how much longer any did: while its node
  // was up, nothing should have kept it. Polls do not count.
  struct Waits {
    Duration longest_allowed;
    Duration longest_overrun;
  };

  // A node's place on the network: what its Query(kAbility) answers.
  struct Port {
    SimNetwork* network;
    size_t node;
  };

  explicit SimNetwork(Simulation& simulation);
  SimNetwork(Simulation& simulation, Options options);
  ~SimNetwork();
  SimNetwork(const SimNetwork&) = delete;
  SimNetwork& operator=(const SimNetwork&) = delete;

  // The number of the new node: 0, 1, ... Without an ip it gets one of 10.0.0.0/8.
  size_t AddNode(std::string ip = "");
  size_t size() const { return nodes_.size(); }
  Port* port(size_t node) { return &nodes_[node].port; }
  const std::string& ip(size_t node) const { return nodes_[node].ip; }

  void SetFate(size_t node, Fate fate);
  Fate fate(size_t node) const { return nodes_[node].fate; }

  // Nodes on different islands do not reach each other. At first all are on island 0.
  void SetIsland(size_t node, int island);
  void HealPartitions();

  // Both sides of every connection between the two see a reset, now.
  void ResetConnections(size_t a, size_t b);

  void SetBandwidth(size_t node, uint64_t up, uint64_t down);
  // Instead of the drawn latency, for all paths of this node.
  void SetLatency(size_t node, Duration one_way);

  // From now on calls of nodes on streams wait until something comes, whatever their deadline: as
  // if their authors had forgotten it.
  void IgnoreDeadlines() { ignores_deadlines_ = true; }
  const Waits& waits() const { return waits_; }

  const Traffic& traffic(size_t node) const { return nodes_[node].traffic; }
  Traffic total() const;

  // What follows is for those who carry things over the network (the sim transport, SimMessenger).

  Simulation& simulation() { return simulation_; }
  const Options& options() const { return options_; }
  Duration Latency(size_t from, size_t to) const;
  bool Reaches(size_t from, size_t to) const;

  // A call on a stream begins to wait until `deadline`: until when it shall; and it has waited.
  Time BeginWait(Time deadline);
  void EndWait(size_t node, Time deadline);

  // When `bytes` that leave now arrive; counts them as one message.
  Time Transmit(size_t from, size_t to, size_t bytes);
  // Bytes that are no message.
  void CountBytes(size_t from, size_t to, size_t bytes) {
    nodes_[from].traffic.bytes_out += bytes;
    nodes_[to].traffic.bytes_in += bytes;
  }
  void CountDial(size_t node) { ++nodes_[node].traffic.dials; }
  void CountFailedDial(size_t node) { ++nodes_[node].traffic.failed_dials; }

  // The node that `address` is an address of, listening or not.
  std::optional<size_t> NodeAt(const Multiaddr& address) const;

  void Attach(size_t node, SimTransport& transport);
  void Detach(size_t node, SimTransport& transport);
  // `address` with its real port; a later Bind takes over.
  absl::StatusOr<Multiaddr> Bind(size_t node, const Multiaddr& address, SimTransport& transport);
  void Unbind(SimTransport& transport);
  SimTransport* Listener(const Multiaddr& address) const;
  uint16_t NewPort(size_t node) { return nodes_[node].next_port++; }

 private:
  using Busy = std::map<Time, Time>;  // When a link is taken: from, until.

  struct Node {
    Port port;
    std::string ip;
    Fate fate = Fate::kUp;
    int island = 0;
    Time thawed = absl::InfinitePast();
    uint64_t up;
    uint64_t down;
    Time up_free = absl::InfinitePast();
    Busy down_busy;
    std::optional<Duration> latency;
    uint16_t next_port = 20000;
    Traffic traffic;
    std::vector<SimTransport*> transports;
  };

  void PathsChanged();
  Time TakeFrom(Busy& busy, Time begin, Duration needed) const;

  Simulation& simulation_;
  const Options options_;
  std::deque<Node> nodes_;                          // Ports keep their place.
  absl::flat_hash_map<std::string, size_t> by_ip_;  // As an address begins.
  std::map<Multiaddr, SimTransport*> listeners_;
  bool ignores_deadlines_ = false;
  Waits waits_;
};

// The descriptor of the transport plugin "sim".
extern const PluginDescriptor kSimTransport;

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SIM_NETWORK_H_
