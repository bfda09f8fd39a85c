// Nodes of a simulated network, for the tests of kernel/network.
#ifndef L2P_TESTS_KERNEL_NETWORK_SIM_PEER_H_
#define L2P_TESTS_KERNEL_NETWORK_SIM_PEER_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernel/loader/host.h"
#include "kernel/network/network.h"
#include "l2p/memory.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/sim_network.h"
#include "l2p/testkit/sim_runtime.h"
#include "l2p/testkit/simulation.h"
#include "plugins/crypto/boringssl/boringssl_crypto.h"

namespace l2p {

inline const BoringsslCrypto& TestCrypto() {
  static const BoringsslCrypto crypto;
  return crypto;
}

// The key of the seed `number`, 0, 0, ...
inline std::unique_ptr<Identity> TestIdentity(size_t number) {
  std::vector<uint8_t> seed(32);
  for (size_t i = 0; i < sizeof number; ++i) seed[i] = static_cast<uint8_t>(number >> (8 * i));
  return *TestCrypto().OpenIdentity(AsBytes(*TestCrypto().NewPrivateKey(seed)));
}

inline Multiaddr Address(const std::string& text) { return *Multiaddr::FromString(text); }

// What a node stands on: a place in the simulated network, a disk, a key and a transport.
struct SimPlace {
  SimPlace(testkit::Simulation& simulation, testkit::SimNetwork& network, std::string ip = "")
      : number(network.AddNode(std::move(ip))),
        runtime(simulation, disk, std::to_string(number)),
        memory(runtime, 1 << 20),
        identity(TestIdentity(number)),
        host({runtime, memory, metrics, &TestCrypto(), identity.get()}, "transport", "sim"),
        address(Address("/ip4/" + network.ip(number) + "/tcp/4422")) {
    runtime.SetAbility(testkit::SimNetwork::kAbility, network.port(number));
  }

  std::shared_ptr<Transport> NewTransport() {
    void* transport = nullptr;
    EXPECT_TRUE(testkit::kSimTransport.open(host, Settings(), &transport).ok());
    return std::shared_ptr<Transport>(static_cast<Transport*>(transport));
  }

  const PeerId& id() const { return identity->peer(); }
  PeerInfo info() const { return {id(), {address}}; }

  const size_t number;
  testkit::MemoryDisk disk;
  testkit::SimRuntime runtime;
  Memory memory;
  MetricsRegistry metrics;
  std::unique_ptr<Identity> identity;
  PluginHost host;
  const Multiaddr address;
};

// A node with a whole Network, listening; made and stopped by a task.
struct SimPeer : SimPlace {
  SimPeer(testkit::Simulation& simulation, testkit::SimNetwork& network,
          Network::Options options = {}, std::string ip = "")
      : SimPlace(simulation, network, std::move(ip)) {
    Start(std::move(options));
  }
  ~SimPeer() { Stop(); }

  void Start(Network::Options options = {}) {
    net = std::make_unique<Network>(runtime, *identity, TestCrypto(), std::move(options));
    EXPECT_TRUE(net->Start().ok());
    EXPECT_TRUE(net->AddTransport(NewTransport()).ok());
    EXPECT_TRUE(net->Listen(address).ok());
    messenger = net->NewMessenger();
  }

  void Stop() {
    if (net) net->Stop();
    messenger.reset();
    net.reset();
  }

  bool Knows(const PeerId& peer) {
    const std::vector<PeerId> connected = messenger->Connected();
    return std::find(connected.begin(), connected.end(), peer) != connected.end();
  }

  Time Soon(Duration within = absl::Seconds(20)) { return runtime.Now() + within; }

  std::unique_ptr<Network> net;
  std::unique_ptr<Messenger> messenger;
};

// A peer without manners: a bare transport whose streams do what the test says.
struct RawPeer : SimPlace, Inbound {
  RawPeer(testkit::Simulation& simulation, testkit::SimNetwork& network, std::string ip = "")
      : SimPlace(simulation, network, std::move(ip)), transport(NewTransport()) {
    EXPECT_TRUE(transport->Start(*this).ok());
    EXPECT_TRUE(transport->Listen(address).ok());
  }
  ~RawPeer() override { transport->Stop(); }

  using OnOpened = std::function<void(std::unique_ptr<Stream>)>;

  // What `stream` got within a second.
  std::string ReadAll(Stream& stream) {
    std::string all;
    uint8_t part[1000];
    for (;;) {
      const auto read = stream.Read(part, runtime.Now() + absl::Seconds(1));
      if (!read.ok() || *read == 0) return all;
      all.append(reinterpret_cast<char*>(part), *read);
    }
  }

  static void Send(Stream& stream, std::string bytes) {
    const Bytes part = Bytes::Of(std::move(bytes));
    EXPECT_TRUE(stream.Write({&part, 1}, absl::InfinitePast()).ok());
  }

  // Answers on `protocol` with `bytes` and ends the stream.
  void Say(const std::string& protocol, std::string bytes) {
    protocols[protocol] = [this, bytes](std::unique_ptr<Stream> stream) {
      Send(*stream, bytes);
      stream->CloseWrite();
      kept.push_back(std::move(stream));
    };
  }

  std::shared_ptr<Connection> Dial(const SimPlace& to) {
    auto dialled = transport->Dial(to.address, to.id(), runtime.Now() + absl::Seconds(5));
    EXPECT_TRUE(dialled.ok()) << dialled.status();
    return dialled.ok() ? *dialled : nullptr;
  }

  bool Accepts(std::string_view protocol) override {
    return protocols.contains(std::string(protocol));
  }
  bool OnConnection(std::shared_ptr<Connection> connection) override {
    connections.push_back(std::move(connection));
    return true;
  }
  void OnStream(const std::shared_ptr<Connection>&, std::string_view protocol,
                std::unique_ptr<Stream> stream) override {
    protocols.at(std::string(protocol))(std::move(stream));
  }
  void OnClosed(const std::shared_ptr<Connection>&, absl::Status) override { ++closed; }

  std::map<std::string, OnOpened> protocols;
  std::vector<std::shared_ptr<Connection>> connections;
  std::vector<std::unique_ptr<Stream>> kept;
  size_t closed = 0;
  std::shared_ptr<Transport> transport;
};

// Runs `body` in a fresh world.
class SimNetworkTest : public testing::Test {
 protected:
  void Run(const std::function<void()>& body) { simulation.Run(body); }
  void Sleep(Duration duration) { simulation.Sleep(duration); }

  testkit::Simulation simulation{1};
  testkit::SimNetwork network{simulation};
};

}  // namespace l2p

#endif  // L2P_TESTS_KERNEL_NETWORK_SIM_PEER_H_
