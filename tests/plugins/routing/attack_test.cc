// What hostile peers try against the routing plugin, in virtual time. The numbers A1, A2, ... are
// those of the list of attacks that l2p holds itself to.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kad_world.h"
#include "l2p/testkit/test_host.h"

namespace l2p::testkit {
namespace {

using kademlia::CommonPrefix;
using kademlia::Decode;
using kademlia::Distance;
using kademlia::Encode;
using kademlia::Message;
using kademlia::MessageType;
using kademlia::Position;
using kademlia::PositionOf;
using kademlia::RoutingTable;

size_t SwarmSize() { return std::getenv("L2P_LONG") != nullptr ? 1000 : 150; }

// A public address in a /24 of its own.
std::string PublicIp(size_t i) {
  return absl::StrCat(20 + i / 65536, ".", i / 256 % 256, ".", i % 256, ".1");
}

void InPublicWorld(const std::function<void(KadWorld&)>& body, uint64_t seed = 1) {
  Simulation simulation(seed);
  simulation.Run([&] {
    KadWorld world(simulation, nullptr, {.latency = absl::Milliseconds(40), .latency_sigma = 0.6},
                   PublicIp);
    body(world);
  });
}

// An id as a key pair would give; `i` is any number.
PeerId StrangerId(uint64_t i) {
  std::string key = "\x08\x01\x12\x20" + std::string(32, '\0');
  for (size_t b = 0; b < sizeof i; ++b) key[4 + b] = static_cast<char>(i >> (8 * b));
  return *PeerId::OfPublicKey(AsBytes(key));
}

// So many ids that lie nearer to `key` than any node of the world.
std::vector<PeerId> Ground(KadWorld& world, const Multihash& key, size_t count) {
  const Position target = PositionOf(TestCrypto(), key.binary());
  const PeerId closest = world.Closest(key, 1, world.size()).front();
  const Position limit = Distance(target, PositionOf(TestCrypto(), closest.binary()));
  std::vector<PeerId> ids;
  for (uint64_t i = 0; ids.size() < count; ++i) {
    PeerId id = StrangerId(i);
    if (Distance(target, PositionOf(TestCrypto(), id.binary())) < limit) ids.push_back(id);
  }
  return ids;
}

// Peers that name only each other, those nearest to what is asked for, and keep nothing.
class Colluders {
 public:
  explicit Colluders(KadWorld& world) : world_(world) {}

  void Add(const PeerId& id, const std::string& ip) {
    messengers_.push_back(&world_.AddStranger(
        id, [peers = peers_](const Caller&, ByteView request) { return Answer(*peers, request); },
        ip));
    peers_->push_back(messengers_.back()->Self());
  }

  // Each of them asks the nodes `to` for something, and so becomes known.
  void Introduce(const std::vector<size_t>& to) {
    const Bytes request = Bytes::Of(
        Encode({.type = MessageType::kFindNode, .key = "me", .closer = {}, .providers = {}}));
    for (SimMessenger* messenger : messengers_) {
      const std::unique_ptr<Calls> calls = messenger->NewCalls();
      const Time deadline = world_.In(absl::Seconds(10));
      for (const size_t node : to) {
        calls->Send(world_.peer(node), kKadProtocol, request, 1 << 20, deadline);
      }
      while (calls->on_the_way() > 0) calls->Next(deadline + absl::Seconds(1));
    }
    world_.simulation().Sleep(absl::Seconds(5));
  }

 private:
  static absl::StatusOr<std::optional<Bytes>> Answer(const std::vector<PeerInfo>& peers,
                                                     ByteView request) {
    L2P_ASSIGN_OR_RETURN(const Message message, Decode(request));
    if (message.type == MessageType::kAddProvider) return std::nullopt;
    const Position target = PositionOf(TestCrypto(), AsBytes(message.key));
    std::vector<std::pair<Position, const PeerInfo*>> order;
    for (const PeerInfo& peer : peers) {
      order.emplace_back(Distance(target, PositionOf(TestCrypto(), peer.id.binary())), &peer);
    }
    std::sort(order.begin(), order.end());
    Message answer{.type = message.type, .key = message.key, .closer = {}, .providers = {}};
    for (size_t i = 0; i < std::min<size_t>(20, order.size()); ++i) {
      answer.closer.push_back(*order[i].second);
    }
    return Bytes::Of(Encode(answer));
  }

  KadWorld& world_;
  std::vector<SimMessenger*> messengers_;
  // The handlers outlive this.
  const std::shared_ptr<std::vector<PeerInfo>> peers_ = std::make_shared<std::vector<PeerInfo>>();
};

// How many honest nodes keep a record of `key`.
size_t Holders(KadWorld& world, const Multihash& key) {
  size_t holders = 0;
  for (size_t i = 0; i < world.size(); ++i) {
    holders += !world.router(i).store().Get(key.bytes(), 0, 1, world.In({})).empty();
  }
  return holders;
}

// The share of `gets` searches, from all over the swarm, that find `provider`.
double FoundShare(KadWorld& world, const Multihash& key, size_t provider, size_t gets) {
  size_t found = 0;
  for (size_t i = 0; i < gets; ++i) {
    const size_t asking = (i * 31 + 7) % world.size();
    if (asking == provider) {
      ++found;
      continue;
    }
    for (const PeerInfo& peer : world.Providers(asking, key)) {
      found += peer.id == world.peer(provider).id;
    }
  }
  return static_cast<double>(found) / static_cast<double>(gets);
}

std::vector<size_t> AllNodes(const KadWorld& world) {
  std::vector<size_t> nodes;
  for (size_t i = 0; i < world.size(); ++i) nodes.push_back(i);
  return nodes;
}

class SybilTest : public ::testing::TestWithParam<size_t> {};

TEST_P(SybilTest, AtAKeyNeitherHideItsProviderNorGoUnnoticed) {
  InPublicWorld([](KadWorld& world) {
    world.Grow(SwarmSize(), absl::Minutes(20));
    const Multihash key = TestKey(1);
    Colluders sybils(world);
    const std::vector<PeerId> ids = Ground(world, key, GetParam());
    for (size_t i = 0; i < ids.size(); ++i) sybils.Add(ids[i], PublicIp(100'000 + i));
    sybils.Introduce(AllNodes(world));

    const size_t provider = 3;
    ASSERT_TRUE(world.router(provider).Provide({{key}}, world.In(absl::Minutes(5))).ok());
    world.simulation().Sleep(absl::Seconds(5));
    EXPECT_GE(Holders(world, key), 10u);
    EXPECT_GE(world.metrics(provider).Value("crowded_keys_total"), 1);
    const auto& log = world.simulation().log();
    EXPECT_TRUE(std::any_of(log.begin(), log.end(), [](const Simulation::LogLine& line) {
      return line.severity == Severity::kWarning && absl::StrContains(line.text, "crowd around");
    }));
    EXPECT_GE(FoundShare(world, key, provider, 200), 0.99);
  });
}

INSTANTIATE_TEST_SUITE_P(A1, SybilTest, ::testing::Values(20, 45));

TEST(Crowd, IsNotSeenAroundKeysThatNobodyAttacks) {
  InPublicWorld([](KadWorld& world) {
    world.Grow(SwarmSize(), absl::Minutes(20));
    for (uint64_t i = 0; i < 50; ++i) {
      ASSERT_TRUE(world.router(i).Provide({{TestKey(i)}}, world.In(absl::Minutes(5))).ok());
    }
    int64_t alarms = 0;
    for (size_t i = 0; i < world.size(); ++i) {
      alarms += world.metrics(i).Value("crowded_keys_total");
    }
    EXPECT_LE(alarms, 1);
  });
}

// A2. Identities of one /24 and of one /16, ten times as many as the table has places.
TEST(TableFlood, GivesOneNetworkTenPlacesBeforeAndAfterARestart) {
  InPublicWorld([](KadWorld& world) {
    world.Grow(60, absl::Minutes(20));
    const size_t victim = 7;
    Colluders flood(world);
    for (size_t i = 0; i < 250; ++i) flood.Add(StrangerId(i), absl::StrCat("9.9.9.", i));
    for (size_t i = 0; i < 500; ++i) {
      flood.Add(StrangerId(1000 + i), absl::StrCat("8.8.", i % 250, ".", 1 + i / 250));
    }
    const std::vector<PeerInfo> before = world.router(victim).Known(1000);
    for (const bool restarted : {false, true}) {
      if (restarted) {
        world.simulation().Sleep(absl::Minutes(6));  // So that the table was saved.
        world.Restart(victim, /*with_bootstrap=*/false);
        world.simulation().Sleep(absl::Seconds(30));
      }
      flood.Introduce({victim});
      std::map<std::string, size_t> of_network;
      std::map<std::pair<size_t, std::string>, size_t> of_bucket;
      std::set<PeerId> known;
      const Position own = PositionOf(TestCrypto(), world.peer(victim).id.binary());
      for (const PeerInfo& peer : world.router(victim).Known(1000)) {
        known.insert(peer.id);
        const std::string ip = *peer.addresses[0].Value("ip4");
        const std::string network = ip.substr(0, ip.rfind('.'));
        const size_t bucket = CommonPrefix(own, PositionOf(TestCrypto(), peer.id.binary()));
        EXPECT_LE(++of_network[network], RoutingTable::kMostOfNetworkInTable) << network;
        EXPECT_LE((++of_bucket[{bucket, network}]), RoutingTable::kMostOfNetworkInBucket);
      }
      for (const PeerInfo& peer : before) {
        EXPECT_TRUE(known.contains(peer.id)) << (restarted ? "after" : "before") << " the restart";
      }
      const Multihash key = TestKey(restarted ? 2 : 1);
      ASSERT_TRUE(world.router(20).Provide({{key}}, world.In(absl::Minutes(5))).ok());
      EXPECT_EQ(world.Providers(victim, key).size(), 1u);
    }
  });
}

// A3. A fifth of the swarm names only colluders.
TEST(LyingRouters, DoNotKeepAwayFromAProvider) {
  InPublicWorld([](KadWorld& world) {
    const size_t honest = SwarmSize();
    world.Grow(honest, absl::Minutes(2));
    Colluders liars(world);
    for (size_t i = 0; i < honest / 4; ++i) liars.Add(StrangerId(i), PublicIp(100'000 + i));
    liars.Introduce(AllNodes(world));
    world.simulation().Sleep(absl::Minutes(20));
    double found = 0;
    for (uint64_t i = 0; i < 20; ++i) {
      ASSERT_TRUE(world.router(i).Provide({{TestKey(i)}}, world.In(absl::Minutes(5))).ok());
      found += FoundShare(world, TestKey(i), i, 10);
    }
    EXPECT_GE(found / 20, 0.99);
  });
}

// A4. Whoever does not prove an id by its connection enters no table under it.
TEST(Identities, ThatAreNotProvenEnterNoTable) {
  InPublicWorld([](KadWorld& world) {
    world.Grow(20, absl::Minutes(2));
    const PeerId claimed = StrangerId(77);
    Colluders liar(world);
    liar.Add(StrangerId(1), "9.9.9.9");
    // It answers every question with a peer that is not the one at that address.
    SimMessenger& namer = world.AddStranger(
        StrangerId(2),
        [claimed](const Caller&, ByteView request) -> absl::StatusOr<std::optional<Bytes>> {
          L2P_ASSIGN_OR_RETURN(const Message message, Decode(request));
          return Bytes::Of(Encode({.type = message.type,
                                   .key = message.key,
                                   .closer = {{claimed, {*Multiaddr::FromTcp("9.9.9.9", 4001)}}},
                                   .providers = {}}));
        },
        "9.9.8.8");
    const std::unique_ptr<Calls> calls = namer.NewCalls();
    for (size_t i = 0; i < world.size(); ++i) {
      calls->Send(
          world.peer(i), kKadProtocol,
          Bytes::Of(
              Encode({.type = MessageType::kFindNode, .key = "me", .closer = {}, .providers = {}})),
          1 << 20, world.In(absl::Seconds(10)));
    }
    while (calls->on_the_way() > 0) calls->Next(world.In(absl::Seconds(10)));
    world.simulation().Sleep(absl::Minutes(30));
    for (size_t i = 0; i < world.size(); ++i) {
      const auto closest = world.router(i).ClosestPeers(TestKey(i), 30, world.In(absl::Minutes(1)));
      ASSERT_TRUE(closest.ok());
      for (const PeerInfo& peer : *closest) EXPECT_NE(peer.id, claimed);
      for (const PeerInfo& peer : world.router(i).Known(1000)) EXPECT_NE(peer.id, claimed);
    }
  });
}

// A6. Addresses that no public node should dial are neither dialled nor passed on.
TEST(Addresses, OfPrivateNetworksAreNotPassedOnInPublic) {
  InPublicWorld([](KadWorld& world) {
    world.Grow(20, absl::Minutes(2));
    const std::vector<std::string> bad = {"127.0.0.1",   "10.1.2.3",  "192.168.1.1",
                                          "169.254.1.1", "224.0.0.1", "0.0.0.0"};
    std::vector<Multiaddr> addresses;
    for (const std::string& ip : bad) addresses.push_back(*Multiaddr::FromTcp(ip, 22));
    const PeerId victim = StrangerId(5);
    SimMessenger& namer = world.AddStranger(
        StrangerId(2),
        [=](const Caller&, ByteView request) -> absl::StatusOr<std::optional<Bytes>> {
          L2P_ASSIGN_OR_RETURN(const Message message, Decode(request));
          return Bytes::Of(Encode({.type = message.type,
                                   .key = message.key,
                                   .closer = {{victim, addresses}},
                                   .providers = {{victim, addresses}}}));
        },
        "9.9.8.8");
    // Its record, with such addresses only, is not kept either.
    const Message record{.type = MessageType::kAddProvider,
                         .key = TestKey(1).bytes(),
                         .closer = {},
                         .providers = {{StrangerId(2), addresses}}};
    for (size_t i = 0; i < world.size(); ++i) {
      ASSERT_TRUE(namer
                      .Tell(world.peer(i), kKadProtocol, Bytes::Of(Encode(record)),
                            world.In(absl::Seconds(10)))
                      .ok());
    }
    world.simulation().Sleep(absl::Seconds(5));
    EXPECT_EQ(Holders(world, TestKey(1)), 0u);
    for (size_t i = 0; i < world.size(); ++i) {
      for (const PeerInfo& peer : world.Providers(i, TestKey(1))) {
        EXPECT_TRUE(peer.addresses.empty()) << peer.addresses[0].ToString();
      }
      EXPECT_FALSE(world.router(i).FindPeer(victim, world.In(absl::Minutes(1))).ok());
    }
  });
}

// A12. Whatever one peer or a hundred send, each cap holds, and what they sent ends with its time.
TEST(Memory, OfTheRecordsOfStrangersIsCappedAndGivenBack) {
  Simulation simulation(1);
  simulation.Run([&] {
    KadWorld world(simulation, [](KademliaRouter::Options& options) {
      options.store = {.lifetime = absl::Hours(48), .most_of_key = 10, .most = 400};
    });
    world.Grow(2);
    const auto refuse = [](const Caller&, ByteView) -> absl::StatusOr<std::optional<Bytes>> {
      return absl::UnavailableError("no");
    };
    std::vector<SimMessenger*> strangers;
    for (uint64_t i = 0; i < 20; ++i) {
      strangers.push_back(&world.AddStranger(StrangerId(i), refuse));
    }
    const auto send = [&](SimMessenger& from, size_t records) {
      for (size_t i = 0; i < records; ++i) {
        const Message record{.type = MessageType::kAddProvider,
                             .key = TestKey(i).bytes(),
                             .closer = {},
                             .providers = {from.Self()}};
        from.Tell(world.peer(1), kKadProtocol, Bytes::Of(Encode(record)),
                  world.In(absl::Seconds(10)))
            .IgnoreError();
      }
      world.simulation().Sleep(absl::Seconds(5));
    };
    for (int round = 0; round < 3; ++round) {
      send(*strangers[0], 1000);
      EXPECT_EQ(world.router(1).store().size(), 100u);  // A quarter.
      for (SimMessenger* stranger : strangers) send(*stranger, 60);
      EXPECT_LE(world.router(1).store().size(), 400u);
      EXPECT_LE(world.router(1).store().Get(TestKey(1).bytes(), 0, 100, world.In({})).size(), 10u);
      world.simulation().Sleep(absl::Hours(49));
      EXPECT_EQ(world.router(1).store().size(), 0u);
    }
  });
}

}  // namespace
}  // namespace l2p::testkit
