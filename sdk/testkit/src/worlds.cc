#include "l2p/testkit/worlds.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/sim_network.h"
#include "l2p/testkit/sim_runtime.h"

namespace l2p::testkit {
namespace {

class SimWorld : public World {
 public:
  SimWorld(HostFactory hosts, uint64_t seed)
      : hosts_(std::move(hosts)), simulation_(seed), network_(simulation_) {}

  Host& host(size_t i) override {
    Node& node = NodeOf(i);
    if (node.host == nullptr) {
      node.runtime = std::make_unique<SimRuntime>(simulation_, node.disk, absl::StrCat("node", i));
      node.runtime->SetAbility(SimNetwork::kAbility, network_.port(i));
      node.host = hosts_(*node.runtime, i);
    }
    return *node.host;
  }

  absl::Status Run(std::function<absl::Status()> work) override {
    absl::Status result;
    simulation_.Run([&] { result = work(); });
    return result;
  }

  Multiaddr listen_address(size_t i) override {
    NodeOf(i);
    return *Multiaddr::FromTcp(network_.ip(i), 0);
  }

  MemoryDisk* disk(size_t i) override { return &NodeOf(i).disk; }

  void Restart(size_t i) override {
    Node& node = NodeOf(i);
    node.host.reset();
    node.runtime.reset();
  }

  Multiaddr refusing_address() override {
    NodeOf(0);
    return *Multiaddr::FromTcp(network_.ip(0), 9);
  }

 private:
  struct Node {
    MemoryDisk disk;
    std::unique_ptr<SimRuntime> runtime;
    std::unique_ptr<Host> host;
  };

  Node& NodeOf(size_t i) {
    while (network_.size() <= i) network_.AddNode();
    return nodes_[i];
  }

  const HostFactory hosts_;
  Simulation simulation_;
  SimNetwork network_;
  std::map<size_t, Node> nodes_;
};

// A port that was free a moment ago: whoever connects is refused.
uint16_t FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(fd, reinterpret_cast<const sockaddr*>(&address), size);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

class RealWorld : public World {
 public:
  RealWorld(RuntimeFactory runtimes, HostFactory hosts)
      : runtimes_(std::move(runtimes)), hosts_(std::move(hosts)) {}

  Host& host(size_t i) override {
    Node& node = nodes_[i];
    if (node.host == nullptr) {
      node.runtime = runtimes_(i);
      node.host = hosts_(*node.runtime, i);
    }
    return *node.host;
  }

  absl::Status Run(std::function<absl::Status()> work) override {
    absl::Status result;
    host(0);
    Runtime& runtime = *nodes_[0].runtime;
    const std::unique_ptr<Event> done = runtime.NewEvent();
    L2P_RETURN_IF_ERROR(runtime.tasks().Start("conformance", [&] {
      result = work();
      done->Set();
    }));
    done->Wait(absl::InfiniteFuture());
    return result;
  }

  Multiaddr listen_address(size_t) override { return *Multiaddr::FromTcp("127.0.0.1", 0); }

  MemoryDisk* disk(size_t) override { return nullptr; }

  // Node 0's runtime carries the task that asks for this, so it stays: only its Host is new.
  void Restart(size_t i) override {
    Node& node = nodes_[i];
    node.host.reset();
    if (i != 0) node.runtime = runtimes_(i);
    node.host = hosts_(*node.runtime, i);
  }

  Multiaddr refusing_address() override { return *Multiaddr::FromTcp("127.0.0.1", FreePort()); }

 private:
  struct Node {
    std::unique_ptr<Runtime> runtime;
    std::unique_ptr<Host> host;
  };

  const RuntimeFactory runtimes_;
  const HostFactory hosts_;
  std::map<size_t, Node> nodes_;
};

}  // namespace

WorldFactory SimWorlds(HostFactory hosts, uint64_t seed) {
  return [hosts = std::move(hosts), seed] { return std::make_unique<SimWorld>(hosts, seed); };
}

WorldFactory RealWorlds(RuntimesFactory runtimes, HostFactory hosts) {
  return [runtimes = std::move(runtimes), hosts = std::move(hosts)] {
    return std::make_unique<RealWorld>(runtimes(), hosts);
  };
}

}  // namespace l2p::testkit
