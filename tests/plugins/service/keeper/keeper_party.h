#ifndef L2P_TESTS_PLUGINS_SERVICE_KEEPER_KEEPER_PARTY_H_
#define L2P_TESTS_PLUGINS_SERVICE_KEEPER_KEEPER_PARTY_H_

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "auditor.h"
#include "boringssl_crypto.h"
#include "l2p/testkit/sim_messenger.h"
#include "l2p/testkit/sim_runtime.h"
#include "l2p/testkit/simulation.h"
#include "l2p/testkit/test_host.h"
#include "l2p/testkit/test_node.h"
#include "prober.h"

namespace l2p::keeper {

inline const Redundancy kSpec = Redundancy::ReedSolomon(8, 24);
inline const BoringsslCrypto crypto;

inline std::unique_ptr<Identity> IdentityOf(uint8_t number) {
  const std::vector<uint8_t> seed(32, number);
  const std::string key = *crypto.NewPrivateKey(seed);
  return *crypto.OpenIdentity(AsBytes(key));
}

inline Multihash GroupOf(uint32_t number) {
  const std::string name = absl::StrCat("group ", number);
  const ByteView view = AsBytes(name);
  return *Multihash::FromDigest(HashCode::kSha2_256, crypto.Sha256({&view, 1}));
}

// One keeper's prober and auditor, served.
struct Party {
  Party(testkit::Simulation& simulation, testkit::SimNetwork& network,
        testkit::SimMessengers& messengers, uint8_t number)
      : identity(IdentityOf(number)),
        node_number(network.AddNode()),
        runtime(simulation, disk, absl::StrCat("node", number)),
        host(runtime, {.crypto = &crypto, .identity = identity.get()}),
        messenger(messengers.New(node_number, runtime, identity->peer())),
        node(*messenger),
        roster(crypto, identity->peer()),
        stopping(runtime.NewEvent()),
        keeping{host, node, roster, options, *stopping},
        prober(keeping),
        auditor(keeping) {
    serving = *messenger->Serve(
        kProtocol, kMaxMessage,
        [this](const Caller& from, ByteView request) -> absl::StatusOr<std::optional<Bytes>> {
          KeeperAnswer answer;
          const KeeperRequest asked = *ParseRequest(request);
          answer.ranges = prober.Answer(from.peer, asked.ranges);
          if (asked.leaf && !asked.leaf->blocks.empty()) {
            before_proof();
            absl::StatusOr<TreeProof> proof = auditor.Prove(*asked.leaf);
            if (proof.ok()) answer.proof = *std::move(proof);
          }
          on_request(from.peer, asked, answer);
          return Bytes::Of(Encode(answer));
        });
  }

  void Hold(uint32_t group, Place place, const std::vector<std::pair<PeerId, Place>>& members) {
    roster.Add({GroupOf(group), kSpec, place, {}, {}, {}}, members);
  }

  testkit::MemoryDisk disk;
  std::unique_ptr<Identity> identity;
  size_t node_number;
  testkit::SimRuntime runtime;
  testkit::TestHost host;
  std::unique_ptr<testkit::SimMessenger> messenger;
  testkit::TestNode node;
  Options options;
  Roster roster;
  std::unique_ptr<Event> stopping;
  Keeping keeping;
  Prober prober;
  Auditor auditor;
  std::function<void()> before_proof = [] {};
  // Answers claims and hears hints.
  std::function<void(const PeerId&, const KeeperRequest&, KeeperAnswer&)> on_request =
      [](const PeerId&, const KeeperRequest&, KeeperAnswer&) {};
  std::unique_ptr<Registration> serving;
};

// Runs `body` with `count` parties that know each other's addresses.
inline void WithParties(
    size_t count, const std::function<void(std::vector<std::unique_ptr<Party>>&,
                                           testkit::SimNetwork&, testkit::Simulation&)>& body) {
  testkit::Simulation simulation(1);
  testkit::SimNetwork network(simulation);
  testkit::SimMessengers messengers(network, {.idle = absl::Hours(48)});
  simulation.Run([&] {
    std::vector<std::unique_ptr<Party>> parties;
    for (size_t i = 0; i < count; ++i) {
      parties.push_back(
          std::make_unique<Party>(simulation, network, messengers, static_cast<uint8_t>(i + 1)));
    }
    // A probe has no address: as in a node, it is the messenger that knows where peers are.
    for (const auto& from : parties) {
      for (const auto& to : parties) {
        if (from != parties[0] && to != parties[0]) continue;
        if (from != to)
          from->messenger
              ->Tell(to->messenger->Self(), "/none", {}, simulation.Now() + absl::Seconds(5))
              .IgnoreError();
      }
    }
    simulation.Sleep(absl::Seconds(2));
    body(parties, network, simulation);
    parties.clear();
  });
}

}  // namespace l2p::keeper

#endif  // L2P_TESTS_PLUGINS_SERVICE_KEEPER_KEEPER_PARTY_H_
