#include "l2p/testkit/router_conformance.h"

#include <algorithm>
#include <set>

#include "expect.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/sim_messenger.h"
#include "l2p/testkit/sim_network.h"
#include "l2p/testkit/sim_runtime.h"

namespace l2p::testkit {
namespace {

constexpr Duration kPatience = absl::Seconds(60);

// Nodes with a router each, on one simulated network. Node 0 is everybody's bootstrap peer.
class Swarm {
 public:
  Swarm(Simulation& simulation, const Factory<Router>& factory, const HostFactory& hosts)
      : simulation_(simulation),
        factory_(factory),
        hosts_(hosts),
        network_(simulation),
        messengers_(network_) {}

  ~Swarm() { Stop(); }

  absl::Status Grow(size_t size) {
    while (nodes_.size() < size) L2P_RETURN_IF_ERROR(AddNode());
    // Time to hear of each other.
    simulation_.Sleep(absl::Seconds(30));
    return absl::OkStatus();
  }

  void Stop() {
    for (const std::unique_ptr<Node>& node : nodes_) {
      if (std::exchange(node->started, false)) node->router->Stop();
    }
  }

  size_t size() const { return nodes_.size(); }
  Router& router(size_t i) { return *nodes_[i]->router; }
  PeerInfo peer(size_t i) { return nodes_[i]->messenger->Self(); }
  Host& host(size_t i) { return *nodes_[i]->host; }
  Time In(Duration duration) { return simulation_.Now() + duration; }
  Simulation& simulation() { return simulation_; }
  SimNetwork& network() { return network_; }
  void StopRouter(size_t i) {
    nodes_[i]->started = false;
    nodes_[i]->router->Stop();
  }

 private:
  struct Node {
    MemoryDisk disk;
    std::unique_ptr<SimRuntime> runtime;
    std::unique_ptr<Host> host;
    std::unique_ptr<SimMessenger> messenger;
    std::unique_ptr<Router> router;
    bool started = false;
  };

  absl::Status AddNode() {
    const size_t i = network_.AddNode();
    auto node = std::make_unique<Node>();
    node->runtime = std::make_unique<SimRuntime>(simulation_, node->disk, absl::StrCat("node", i));
    node->host = hosts_(*node->runtime, i);
    node->messenger = messengers_.New(i, *node->runtime, node->host->identity().peer());
    absl::StatusOr<std::unique_ptr<Router>> router = factory_(*node->host);
    if (!router.ok()) return WithContext(router.status(), "make a router");
    node->router = std::move(*router);
    std::vector<PeerInfo> known;
    if (!nodes_.empty()) known.push_back(peer(0));
    L2P_RETURN_IF_ERROR(WithContext(node->router->Start(*node->messenger, known), "Start"));
    node->started = true;
    nodes_.push_back(std::move(node));
    return absl::OkStatus();
  }

  Simulation& simulation_;
  const Factory<Router>& factory_;
  const HostFactory& hosts_;
  SimNetwork network_;
  SimMessengers messengers_;
  std::vector<std::unique_ptr<Node>> nodes_;
};

Multihash Key(uint64_t seed) {
  return *Multihash::FromDigest(HashCode::kSha2_256, AsBytes(TestBytes(seed, 32)));
}

// All providers until the query ends.
absl::StatusOr<std::vector<PeerId>> Providers(Swarm& swarm, size_t asking, const Multihash& key,
                                              Duration patience = kPatience) {
  const Time deadline = swarm.In(patience);
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<ProviderQuery> query,
                       swarm.router(asking).FindProviders(key, 20, deadline));
  std::vector<PeerId> found;
  for (;;) {
    L2P_ASSIGN_OR_RETURN(const std::optional<PeerInfo> next, query->Next(deadline));
    if (!next) return found;
    L2P_EXPECT(next->id != swarm.peer(asking).id, "FindProviders gave the asking node itself");
    L2P_EXPECT(std::find(found.begin(), found.end(), next->id) == found.end(),
               "FindProviders gave a provider twice");
    found.push_back(next->id);
  }
}

absl::Status WorksInANetworkOfOne(Swarm& swarm) {
  L2P_RETURN_IF_ERROR(swarm.Grow(1));
  Router& router = swarm.router(0);
  L2P_ASSIGN_OR_RETURN(const std::vector<PeerInfo> closest,
                       router.ClosestPeers(Key(1), 20, swarm.In(kPatience)));
  L2P_EXPECT(closest.empty(), "ClosestPeers gave ", closest.size(), " peers of a network of one");
  L2P_RETURN_IF_ERROR(WithContext(router.Provide({{Key(1)}}, swarm.In(kPatience)), "Provide"));
  L2P_ASSIGN_OR_RETURN(const std::vector<PeerId> providers, Providers(swarm, 0, Key(1)));
  L2P_EXPECT(providers.empty(), "FindProviders gave peers of a network of one");
  L2P_RETURN_IF_ERROR(ExpectCode(
      router.FindPeer(*PeerId::OfPublicKey(AsBytes(TestBytes(5, 36))), swarm.In(kPatience))
          .status(),
      absl::StatusCode::kNotFound, "FindPeer in a network of one"));
  L2P_EXPECT(router.Known(20).empty(), "Known gave peers of a network of one");
  return absl::OkStatus();
}

absl::Status FindsEachOtherInANetworkOfTwo(Swarm& swarm) {
  L2P_RETURN_IF_ERROR(swarm.Grow(2));
  for (const size_t asking : {0u, 1u}) {
    const PeerInfo other = swarm.peer(1 - asking);
    Router& router = swarm.router(asking);
    L2P_ASSIGN_OR_RETURN(const std::vector<PeerInfo> closest,
                         router.ClosestPeers(Key(1), 20, swarm.In(kPatience)));
    L2P_EXPECT(closest.size() == 1 && closest[0].id == other.id, "ClosestPeers of node ", asking,
               " gave ", closest.size(), " peers, wanted the other one");
    L2P_ASSIGN_OR_RETURN(const PeerInfo found, router.FindPeer(other.id, swarm.In(kPatience)));
    L2P_EXPECT(!found.addresses.empty(), "FindPeer gave no address");
    const Multihash key = Key(10 + asking);
    L2P_RETURN_IF_ERROR(router.Provide({{key}}, swarm.In(kPatience)));
    L2P_ASSIGN_OR_RETURN(const std::vector<PeerId> providers, Providers(swarm, 1 - asking, key));
    L2P_EXPECT(providers == std::vector{swarm.peer(asking).id}, "FindProviders gave ",
               providers.size(), " providers of a key that the other node announced");
  }
  return absl::OkStatus();
}

// The peers but `asking`, by the distance of the SHA-256 of their ids to that of the key, as the
// header orders them.
std::vector<PeerId> ByDistance(Swarm& swarm, size_t asking, const Multihash& key) {
  const Crypto& crypto = swarm.host(asking).crypto();
  const auto hash = [&](ByteView bytes) { return crypto.Sha256({{bytes}}); };
  const Sha256Digest target = hash(key.binary());
  std::vector<std::pair<Sha256Digest, PeerId>> peers;
  for (size_t i = 0; i < swarm.size(); ++i) {
    if (i == asking) continue;
    Sha256Digest distance = hash(swarm.peer(i).id.binary());
    for (size_t b = 0; b < distance.size(); ++b) distance[b] ^= target[b];
    peers.emplace_back(distance, swarm.peer(i).id);
  }
  std::sort(peers.begin(), peers.end());
  std::vector<PeerId> ids;
  for (auto& [distance, id] : peers) ids.push_back(std::move(id));
  return ids;
}

absl::Status FindsTheClosestPeersInOrder(Swarm& swarm) {
  L2P_RETURN_IF_ERROR(swarm.Grow(30));
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const size_t asking = seed * 5;
    L2P_ASSIGN_OR_RETURN(const std::vector<PeerInfo> found,
                         swarm.router(asking).ClosestPeers(Key(seed), 10, swarm.In(kPatience)));
    std::vector<PeerId> wanted = ByDistance(swarm, asking, Key(seed));
    wanted.resize(10);
    L2P_EXPECT(found.size() == 10, "ClosestPeers(10) of 30 nodes gave ", found.size());
    for (size_t i = 0; i < wanted.size(); ++i) {
      L2P_EXPECT(found[i].id == wanted[i], "ClosestPeers: peer ", i, " is not the next closest");
      L2P_EXPECT(!found[i].addresses.empty(), "ClosestPeers gave a peer without an address");
    }
  }
  return absl::OkStatus();
}

absl::Status FindsProvidersInANetworkOfThirty(Swarm& swarm) {
  L2P_RETURN_IF_ERROR(swarm.Grow(30));
  const std::vector<Multihash> keys = {Key(1), Key(2), Key(3)};
  L2P_RETURN_IF_ERROR(swarm.router(7).Provide(keys, swarm.In(kPatience)));
  L2P_RETURN_IF_ERROR(swarm.router(8).Provide({{keys[1]}}, swarm.In(kPatience)));
  for (const size_t asking : {0u, 15u, 29u}) {
    for (size_t i = 0; i < keys.size(); ++i) {
      L2P_ASSIGN_OR_RETURN(const std::vector<PeerId> found, Providers(swarm, asking, keys[i]));
      const std::set<PeerId> wanted =
          i == 1 ? std::set{swarm.peer(7).id, swarm.peer(8).id} : std::set{swarm.peer(7).id};
      L2P_EXPECT(std::set(found.begin(), found.end()) == wanted, "node ", asking, " found ",
                 found.size(), " providers of key ", i, ", wanted ", wanted.size());
    }
  }
  return absl::OkStatus();
}

absl::Status NeverNamesItself(Swarm& swarm) {
  L2P_RETURN_IF_ERROR(swarm.Grow(5));
  const PeerId self = swarm.peer(2).id;
  Router& router = swarm.router(2);
  const Multihash own = *Multihash::FromBinary(self.binary());
  L2P_ASSIGN_OR_RETURN(const std::vector<PeerInfo> closest,
                       router.ClosestPeers(own, 20, swarm.In(kPatience)));
  for (const PeerInfo& peer : closest) {
    L2P_EXPECT(peer.id != self, "ClosestPeers gave the node itself");
  }
  for (const PeerInfo& peer : router.Known(20)) {
    L2P_EXPECT(peer.id != self, "Known gave the node itself");
  }
  L2P_RETURN_IF_ERROR(router.Provide({{Key(1)}}, swarm.In(kPatience)));
  return Providers(swarm, 2, Key(1)).status();
}

absl::Status EndsASearchForAnAbsentKey(Swarm& swarm) {
  L2P_RETURN_IF_ERROR(swarm.Grow(30));
  const Time before = swarm.simulation().Now();
  L2P_ASSIGN_OR_RETURN(const std::vector<PeerId> found, Providers(swarm, 3, Key(404)));
  L2P_EXPECT(found.empty(), "a key nobody announced has providers");
  const Duration took = swarm.simulation().Now() - before;
  L2P_EXPECT(took < absl::Seconds(10), "the search for an absent key took ",
             absl::FormatDuration(took));
  return absl::OkStatus();
}

absl::Status KnowsPeersToStartFromAgain(Swarm& swarm) {
  L2P_RETURN_IF_ERROR(swarm.Grow(10));
  const std::vector<PeerInfo> known = swarm.router(9).Known(3);
  L2P_EXPECT(!known.empty() && known.size() <= 3, "Known(3) gave ", known.size(), " peers");
  for (const PeerInfo& peer : known) {
    L2P_EXPECT(!peer.addresses.empty(), "Known gave a peer without an address");
  }
  return absl::OkStatus();
}

// OK unless `call`, with `limit` to its deadline, comes back later than that.
absl::Status KeepsDeadline(Swarm& swarm, Duration limit, std::string_view what,
                           const std::function<absl::Status(Time deadline)>& call) {
  const Time deadline = swarm.In(limit);
  call(deadline).IgnoreError();
  const Duration late = swarm.simulation().Now() - deadline;
  L2P_EXPECT(late <= absl::Milliseconds(100), av(what), " with a deadline in ",
             absl::FormatDuration(limit), " overran it by ", absl::FormatDuration(late));
  return absl::OkStatus();
}

absl::Status KeepsDeadlinesWhenNobodyAnswers(Swarm& swarm) {
  L2P_RETURN_IF_ERROR(swarm.Grow(6));
  for (size_t i = 1; i < 6; ++i) swarm.network().SetIsland(i, 1);
  Router& router = swarm.router(0);
  // A router that gives up on silent peers by itself shows only the short one.
  for (const Duration limit : {absl::Milliseconds(200), absl::Seconds(3)}) {
    L2P_RETURN_IF_ERROR(KeepsDeadline(swarm, limit, "ClosestPeers", [&](Time deadline) {
      return router.ClosestPeers(Key(1), 5, deadline).status();
    }));
    L2P_RETURN_IF_ERROR(KeepsDeadline(swarm, limit, "Provide", [&](Time deadline) {
      return router.Provide({{Key(1)}}, deadline);
    }));
    L2P_RETURN_IF_ERROR(KeepsDeadline(swarm, limit, "FindPeer", [&](Time deadline) {
      return router.FindPeer(*PeerId::OfPublicKey(AsBytes(TestBytes(5, 36))), deadline).status();
    }));
    L2P_RETURN_IF_ERROR(KeepsDeadline(swarm, limit, "a ProviderQuery", [&](Time) {
      return Providers(swarm, 0, Key(2), limit).status();
    }));
  }
  return absl::OkStatus();
}

absl::Status StopsWhileSearchesRun(Swarm& swarm) {
  L2P_RETURN_IF_ERROR(swarm.Grow(10));
  for (size_t i = 1; i < 10; ++i) swarm.network().SetIsland(i, 1);
  bool searched = false;
  {
    TaskGroup group(swarm.host(0).tasks(), swarm.host(0).NewEvent());
    L2P_RETURN_IF_ERROR(group.Start("conformance", [&] {
      swarm.router(0).ClosestPeers(Key(1), 5, swarm.In(absl::Hours(1))).status().IgnoreError();
      searched = true;
    }));
    swarm.simulation().Sleep(absl::Milliseconds(100));
    const Time before = swarm.simulation().Now();
    swarm.StopRouter(0);
    L2P_EXPECT(swarm.simulation().Now() - before < absl::Seconds(30),
               "Stop waited for a search to the end");
  }
  L2P_EXPECT(searched, "a search did not come back after Stop");
  return absl::OkStatus();
}

absl::Status FindsNothingOnceItsProviderHasGone(Swarm& swarm) {
  L2P_RETURN_IF_ERROR(swarm.Grow(8));
  L2P_RETURN_IF_ERROR(swarm.router(5).Provide({{Key(1)}}, swarm.In(kPatience)));
  swarm.router(5).Withdraw({{Key(1)}});
  swarm.router(5).Withdraw({{Key(2)}});
  // Records last at most two days; a withdrawn key is not announced again.
  swarm.simulation().Sleep(absl::Hours(49));
  L2P_ASSIGN_OR_RETURN(const std::vector<PeerId> found, Providers(swarm, 2, Key(1)));
  L2P_EXPECT(found.empty(), "a key that was withdrawn two days ago still has a provider");
  return absl::OkStatus();
}

absl::Status AnnouncesAgainUntilWithdrawn(Swarm& swarm) {
  L2P_RETURN_IF_ERROR(swarm.Grow(8));
  L2P_RETURN_IF_ERROR(swarm.router(5).Provide({{Key(1)}}, swarm.In(kPatience)));
  swarm.simulation().Sleep(absl::Hours(49));
  L2P_ASSIGN_OR_RETURN(const std::vector<PeerId> found, Providers(swarm, 2, Key(1)));
  L2P_EXPECT(found.size() == 1, "a key announced two days ago is no longer found");
  return absl::OkStatus();
}

absl::Status FindsPeersWithoutThoseThatLeft(Swarm& swarm) {
  L2P_RETURN_IF_ERROR(swarm.Grow(12));
  for (const size_t gone : {4u, 5u, 6u}) swarm.network().SetFate(gone, SimNetwork::Fate::kDown);
  L2P_ASSIGN_OR_RETURN(const std::vector<PeerInfo> found,
                       swarm.router(1).ClosestPeers(Key(3), 20, swarm.In(kPatience)));
  for (const PeerInfo& peer : found) {
    for (const size_t gone : {4u, 5u, 6u}) {
      L2P_EXPECT(peer.id != swarm.peer(gone).id, "ClosestPeers gave a peer that does not answer");
    }
  }
  L2P_EXPECT(found.size() == 8, "ClosestPeers gave ", found.size(), " of 8 reachable peers");
  return absl::OkStatus();
}

}  // namespace

std::vector<ConformanceCase> RouterConformance(Factory<Router> factory, HostFactory hosts) {
  const auto one = [&](const char* name, absl::Status (*check)(Swarm&)) {
    return ConformanceCase{name, [factory, hosts, check] {
                             Simulation simulation(1);
                             absl::Status result;
                             simulation.Run([&] {
                               Swarm swarm(simulation, factory, hosts);
                               result = check(swarm);
                             });
                             return result;
                           }};
  };
  return {
      one("WorksInANetworkOfOne", WorksInANetworkOfOne),
      one("FindsEachOtherInANetworkOfTwo", FindsEachOtherInANetworkOfTwo),
      one("FindsTheClosestPeersInOrder", FindsTheClosestPeersInOrder),
      one("FindsProvidersInANetworkOfThirty", FindsProvidersInANetworkOfThirty),
      one("NeverNamesItself", NeverNamesItself),
      one("EndsASearchForAnAbsentKey", EndsASearchForAnAbsentKey),
      one("KnowsPeersToStartFromAgain", KnowsPeersToStartFromAgain),
      one("KeepsDeadlinesWhenNobodyAnswers", KeepsDeadlinesWhenNobodyAnswers),
      one("StopsWhileSearchesRun", StopsWhileSearchesRun),
      one("FindsNothingOnceItsProviderHasGone", FindsNothingOnceItsProviderHasGone),
      one("AnnouncesAgainUntilWithdrawn", AnnouncesAgainUntilWithdrawn),
      one("FindsPeersWithoutThoseThatLeft", FindsPeersWithoutThoseThatLeft),
  };
}

}  // namespace l2p::testkit
