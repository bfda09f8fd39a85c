#include "kad_world.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "boringssl_crypto.h"
#include "l2p/testkit/test_host.h"

namespace l2p::testkit {
namespace {

std::unique_ptr<Identity> TestIdentity(uint64_t i) {
  std::string seed(32, '\0');
  for (size_t b = 0; b < sizeof i; ++b) seed[b] = static_cast<char>(i >> (8 * b));
  return *TestCrypto().OpenIdentity(AsBytes(*TestCrypto().NewPrivateKey(AsBytes(seed))));
}

// The key pair a host lends, made before the host and destroyed after it.
struct OwnIdentity {
  std::unique_ptr<Identity> identity;
};

class KadHost : private OwnIdentity, public TestHost {
 public:
  KadHost(Runtime& runtime, std::unique_ptr<Identity> identity)
      : OwnIdentity{std::move(identity)},
        TestHost(runtime, {.name = "kademlia",
                           .crypto = &TestCrypto(),
                           .identity = OwnIdentity::identity.get()}) {}
};

}  // namespace

const Crypto& TestCrypto() {
  static const BoringsslCrypto* const crypto = new BoringsslCrypto;
  return *crypto;
}

PeerId TestPeer(uint64_t i) { return TestIdentity(i)->peer(); }

PeerInfo TestPeerAt(uint64_t i, const std::string& ip) {
  return {TestPeer(i), {*Multiaddr::FromTcp(ip, 4422)}};
}

Multihash TestKey(uint64_t seed) {
  const std::string text = absl::StrCat("content ", seed);
  const ByteView part = AsBytes(text);
  return *Multihash::FromDigest(HashCode::kSha2_256, TestCrypto().Sha256({&part, 1}));
}

HostFactory KadHosts() {
  return [](Runtime& runtime, size_t i) {
    return std::make_unique<KadHost>(runtime, TestIdentity(i));
  };
}

KadWorld::KadWorld(Simulation& simulation, Adjust adjust, SimNetwork::Options network, Addresses ip)
    : simulation_(simulation),
      adjust_(std::move(adjust)),
      ip_(std::move(ip)),
      hosts_(KadHosts()),
      network_(simulation, network),
      messengers_(network_) {}

KadWorld::~KadWorld() {
  for (const auto& node : nodes_) {
    if (node->router != nullptr) node->router->Stop();
  }
}

void KadWorld::Grow(size_t size, Duration settle) {
  while (nodes_.size() < size) {
    network_.AddNode(ip_ ? ip_(nodes_.size()) : "");
    nodes_.push_back(std::make_unique<Node>());
    StartNode(nodes_.size() - 1, /*with_bootstrap=*/true);
    simulation_.Sleep(absl::Milliseconds(20));
  }
  simulation_.Sleep(settle);
}

void KadWorld::StartNode(size_t i, bool with_bootstrap) {
  Node& node = *nodes_[i];
  node.runtime = std::make_unique<SimRuntime>(simulation_, node.disk, absl::StrCat("node", i));
  node.host = hosts_(*node.runtime, i);
  node.messenger = messengers_.New(i, *node.runtime, node.host->identity().peer());
  node.info = node.messenger->Self();
  node.position = kademlia::PositionOf(TestCrypto(), node.info.id.binary());
  KademliaRouter::Options options;
  options.protocols = {kKadProtocol};
  if (adjust_) adjust_(options);
  node.router = std::make_unique<KademliaRouter>(*node.host, std::move(options));
  std::vector<PeerInfo> known;
  if (i != 0 && with_bootstrap) known.push_back(peer(0));
  ASSERT_TRUE(node.router->Start(*node.messenger, known).ok());
}

SimMessenger& KadWorld::AddStranger(const PeerId& id, Messenger::Handler handler, std::string ip) {
  auto stranger = std::make_unique<Stranger>();
  const size_t node = network_.AddNode(std::move(ip));
  stranger->runtime =
      std::make_unique<SimRuntime>(simulation_, stranger->disk, absl::StrCat("stranger", node));
  stranger->messenger = messengers_.New(node, *stranger->runtime, id);
  stranger->served =
      *stranger->messenger->Serve(kKadProtocol, size_t{64} << 10, std::move(handler));
  strangers_.push_back(std::move(stranger));
  return *strangers_.back()->messenger;
}

void KadWorld::StopNode(size_t i) {
  Node& node = *nodes_[i];
  node.router->Stop();
  node.router.reset();
  node.messenger.reset();
  node.host.reset();
  node.runtime.reset();
}

void KadWorld::Restart(size_t i, bool with_bootstrap) {
  if (nodes_[i]->router != nullptr) StopNode(i);
  StartNode(i, with_bootstrap);
}

std::vector<PeerId> KadWorld::Closest(const Multihash& key, size_t n, size_t asking,
                                      const std::function<bool(size_t)>& counts) {
  const kademlia::Position target = kademlia::PositionOf(TestCrypto(), key.binary());
  std::vector<std::pair<kademlia::Position, PeerId>> order;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (i == asking || (counts && !counts(i))) continue;
    order.emplace_back(kademlia::Distance(target, nodes_[i]->position), nodes_[i]->info.id);
  }
  std::sort(order.begin(), order.end());
  std::vector<PeerId> closest;
  for (const auto& [distance, id] : order) {
    if (closest.size() < n) closest.push_back(id);
  }
  return closest;
}

std::vector<PeerInfo> KadWorld::Providers(size_t asking, const Multihash& key, size_t most) {
  std::vector<PeerInfo> providers;
  const Time deadline = In(absl::Minutes(1));
  const auto query = router(asking).FindProviders(key, most, deadline);
  EXPECT_TRUE(query.ok()) << query.status();
  while (query.ok()) {
    const absl::StatusOr<std::optional<PeerInfo>> next = (*query)->Next(deadline);
    EXPECT_TRUE(next.ok()) << next.status();
    if (!next.ok() || !*next) break;
    providers.push_back(**next);
  }
  return providers;
}

}  // namespace l2p::testkit
