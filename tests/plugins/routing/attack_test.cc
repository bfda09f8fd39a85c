// What hostile peers try against the routing plugin, in virtual time. The numbers A1, A2, ... are
// those of the list of attacks that l2p holds itself to.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <deque>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kad_world.h"
#include "l2p/testkit/test_host.h"
#include "tests/long_form.h"

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

size_t SwarmSize() { return IsLongForm() ? 1000 : 150; }

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

// Whom a node asks, in order.
class AskedBy : public MessageObserver {
 public:
  explicit AskedBy(size_t node) : node_(node) {}
  void Requested(size_t from, size_t to, ByteView, bool) override {
    if (from == node_) asked_.push_back(to);
  }
  void Connected(size_t, size_t) override {}
  void Answered(size_t, size_t, ByteView, ByteView) override {}

  const std::vector<size_t>& asked() const { return asked_; }

 private:
  const size_t node_;
  std::vector<size_t> asked_;
};

// How often a node answers.
class AnswersOf : public MessageObserver {
 public:
  explicit AnswersOf(size_t node) : node_(node) {}
  void Requested(size_t, size_t, ByteView, bool) override {}
  void Connected(size_t, size_t) override {}
  void Answered(size_t, size_t to, ByteView, ByteView) override { count_ += to == node_; }

  size_t count() const { return count_; }

 private:
  const size_t node_;
  size_t count_ = 0;
};

// A2. Ten thousand identities of one network, /24 or /16, ask a node for ten minutes.
class TableFlood : public ::testing::TestWithParam<bool> {
 protected:
  static constexpr size_t kIdentities = 10'000;
  static constexpr size_t kVictim = 7;
  static constexpr size_t kMostOf16 = 3;

  static std::string Ip(size_t i) {
    return GetParam() ? absl::StrCat("8.8.", i / 250 % 250, ".", 1 + i % 250)
                      : absl::StrCat("9.9.9.", 1 + i % 250);
  }

  static void Adjust(KademliaRouter::Options& options) {
    options.membership.swarm.table.most_of_wide = kMostOf16;
  }

  // Each identity asks twice.
  static void Ask(KadWorld& world, const std::vector<SimMessenger*>& identities) {
    const Bytes request = Bytes::Of(
        Encode({.type = MessageType::kFindNode, .key = "me", .closer = {}, .providers = {}}));
    const Duration pause = absl::Minutes(10) / static_cast<int64_t>(2 * identities.size());
    std::deque<std::unique_ptr<Calls>> open;
    AnswersOf victim(kVictim);
    world.messengers().SetObserver(&victim);
    for (size_t i = 0; i < 2 * identities.size(); ++i) {
      open.push_back(identities[i % identities.size()]->NewCalls());
      open.back()->Send(world.peer(kVictim), kKadProtocol, request, 1 << 20,
                        world.In(absl::Seconds(10)));
      if (open.size() > 100) open.pop_front();
      world.simulation().Sleep(pause);
    }
    world.messengers().SetObserver(nullptr);
    EXPECT_GE(victim.count(), identities.size()) << "the flood has not reached the node";
  }

  static void ExpectLimits(KadWorld& world) {
    std::map<std::string, size_t> of_24, of_16;
    std::map<std::pair<size_t, std::string>, size_t> of_bucket;
    const Position own = PositionOf(TestCrypto(), world.peer(kVictim).id.binary());
    for (const PeerInfo& peer : world.router(kVictim).Known(10'000)) {
      const std::string ip = *peer.addresses[0].Value("ip4");
      const std::string narrow = ip.substr(0, ip.rfind('.'));
      if (narrow.substr(0, 4) != "8.8." && narrow.substr(0, 4) != "9.9.") continue;
      const size_t bucket = CommonPrefix(own, PositionOf(TestCrypto(), peer.id.binary()));
      EXPECT_LE(++of_24[narrow], RoutingTable::kMostOfNetworkInTable) << narrow;
      EXPECT_LE(++of_16[narrow.substr(0, narrow.rfind('.'))], kMostOf16) << narrow;
      EXPECT_LE((++of_bucket[{bucket, narrow}]), RoutingTable::kMostOfNetworkInBucket);
    }
  }

  static void ExpectAllLookupsSucceed(KadWorld& world, uint64_t first_key) {
    for (uint64_t i = 0; i < 20; ++i) {
      const Multihash key = TestKey(first_key + i);
      ASSERT_TRUE(world.router(20 + i).Provide({{key}}, world.In(absl::Minutes(5))).ok());
      for (const size_t asking : {kVictim, size_t{8}, size_t{50}}) {
        EXPECT_EQ(world.Providers(asking, key).size(), 1u);
      }
    }
  }
};

TEST_P(TableFlood, TakesFewPlacesBeforeAndAfterARestartAndHindersNobody) {
  Simulation simulation(1);
  simulation.Run([&] {
    KadWorld world(simulation, Adjust, {.latency = absl::Milliseconds(40), .latency_sigma = 0.6},
                   PublicIp);
    world.Grow(60, absl::Minutes(20));
    const std::vector<PeerInfo> before = world.router(kVictim).Known(1000);
    std::vector<SimMessenger*> identities;
    const auto refuse = [](const Caller&, ByteView) -> absl::StatusOr<std::optional<Bytes>> {
      return absl::UnavailableError("no");
    };
    for (size_t i = 0; i < kIdentities; ++i) {
      identities.push_back(&world.AddStranger(StrangerId(i), refuse, Ip(i)));
    }
    Ask(world, identities);
    ExpectLimits(world);
    ExpectAllLookupsSucceed(world, 100);

    world.simulation().Sleep(absl::Minutes(6));  // So that the table was saved.
    AskedBy victim(kVictim);
    world.messengers().SetObserver(&victim);
    world.Restart(kVictim, /*with_bootstrap=*/false);
    world.simulation().Sleep(absl::Seconds(30));
    world.messengers().SetObserver(nullptr);
    // Those who were there before the flood come before all others.
    ASSERT_GE(victim.asked().size(), before.size());
    for (size_t i = 0; i < before.size(); ++i) EXPECT_LT(victim.asked()[i], world.size());

    Ask(world, identities);
    ExpectLimits(world);
    ExpectAllLookupsSucceed(world, 200);
    std::set<PeerId> known;
    for (const PeerInfo& peer : world.router(kVictim).Known(1000)) known.insert(peer.id);
    for (const PeerInfo& peer : before) EXPECT_TRUE(known.contains(peer.id));
  });
}

INSTANTIATE_TEST_SUITE_P(A2, TableFlood, ::testing::Bool(), [](const auto& of) {
  return of.param ? std::string("FromOne16") : std::string("FromOne24");
});

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
                      .Tell(world.peer(i), kKadProtocol, {{Bytes::Of(Encode(record))}},
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
        from.Tell(world.peer(1), kKadProtocol, {{Bytes::Of(Encode(record))}},
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
