#include "keeper_service.h"

#include <gmock/gmock.h>

#include "keeper_party.h"
#include "l2p/testkit/gtest_conformance.h"
#include "l2p/testkit/service_conformance.h"
#include "repair_world.h"

namespace l2p::keeper {
namespace {

// A member of the group that begins anew, with a disk on which it takes five minutes to list what
// comes after `after`.
class Restarted {
 public:
  Restarted(RepairWorld& world, size_t i, const Multihash& after)
      : party_(world.party(i)), node_(world, i, after), service_(party_.host, {}) {
    party_.serving.reset();
    EXPECT_TRUE(service_.Start(node_).ok());
  }

 private:
  class SlowGroups : public HeldGroups {
   public:
    SlowGroups(HeldGroups& inner, testkit::Simulation& simulation, const Multihash& slow_after)
        : inner_(inner), simulation_(simulation), slow_after_(slow_after) {}
    std::vector<HeldGroup> List(const Multihash& after, size_t most) override {
      if (after == slow_after_) simulation_.Sleep(absl::Minutes(5));
      return inner_.List(after, most);
    }
    absl::StatusOr<Content> Find(const Multihash& group) override { return inner_.Find(group); }
    std::vector<Lost> LostBlocks(size_t most) override { return inner_.LostBlocks(most); }
    absl::Status Keep(const HeldGroup& held, const Content& content,
                      std::span<const Block> blocks) override {
      return inner_.Keep(held, content, blocks);
    }
    absl::Status Release(const Multihash& group, const PeerId& owner) override {
      return inner_.Release(group, owner);
    }
    absl::StatusOr<std::vector<OwnObject>> Objects() override { return inner_.Objects(); }

   private:
    HeldGroups& inner_;
    testkit::Simulation& simulation_;
    const Multihash slow_after_;
  };
  class SlowNode : public Node {
   public:
    SlowNode(RepairWorld& world, size_t i, const Multihash& after)
        : inner_(world.node(i)), groups_(inner_.groups(), world.simulation(), after) {}
    NodeBlocks& blocks() override { return inner_.blocks(); }
    HeldGroups& groups() override { return groups_; }
    NodePeers& peers() override { return inner_.peers(); }
    Messenger& messenger() override { return inner_.messenger(); }

   private:
    Node& inner_;
    SlowGroups groups_;
  };

  Party& party_;
  SlowNode node_;
  KeeperService service_;
};

TEST(KeeperService, DeniesNothingBeforeItKnowsWhatItHolds) {
  RepairWorld::Run(1, [](RepairWorld& world) {
    const Restarted restarted(world, 1, Multihash());
    const auto believed = [&] {
      world.party(0).prober.Hurry(world.PeerAt(1));
      world.party(0).prober.Step();
      const std::vector<MemberView> members = world.party(0).roster.Members(world.id());
      return std::any_of(members.begin(), members.end(), [&](const MemberView& member) {
        return member.peer == world.PeerAt(1) && member.trusted && member.within_reach();
      });
    };
    world.simulation().Sleep(absl::Minutes(1));
    EXPECT_TRUE(believed());
    world.simulation().Sleep(absl::Minutes(10));
    EXPECT_TRUE(believed());
  });
}

TEST(KeeperService, ProbesNobodyBeforeItKnowsWhatItHolds) {
  RepairWorld::Run(1, [](RepairWorld& world) {
    const Restarted restarted(world, 1, world.id());
    testkit::TestMetrics& metrics = world.party(1).host.metrics();
    world.simulation().Sleep(absl::Minutes(4));
    EXPECT_EQ(metrics.Value("probes_total"), 0);
    world.simulation().Sleep(absl::Minutes(10));
    EXPECT_GT(metrics.Value("probes_total"), 0);
  });
}

TEST(KeeperService, ConsentsToNothingBeforeItKnowsWhatItHolds) {
  RepairWorld::Run(1, [](RepairWorld& world) {
    const Restarted restarted(world, 1, Multihash());
    const auto granted = [&](const Multihash& group) {
      KeeperRequest request;
      request.claim = RepairClaim{group, absl::Minutes(10)};
      const std::unique_ptr<Calls> calls = world.node(0).messenger().NewCalls();
      const Time deadline = world.simulation().Now() + absl::Seconds(10);
      calls->Send({world.PeerAt(1), {}}, kProtocol, Bytes::Of(Encode(request)), kMaxMessage,
                  deadline);
      const std::optional<Calls::Answer> answer = calls->Next(deadline);
      EXPECT_TRUE(answer && answer->result.ok());
      return ParseAnswer(*answer->result)->granted;
    };
    world.simulation().Sleep(absl::Minutes(1));
    EXPECT_FALSE(granted(world.id()));
    EXPECT_FALSE(granted(GroupOf(1)));
    world.simulation().Sleep(absl::Minutes(10));
    EXPECT_TRUE(granted(GroupOf(1)));
  });
}

}  // namespace
}  // namespace l2p::keeper

namespace l2p::testkit {
namespace {

absl::StatusOr<std::unique_ptr<Service>> NewKeeper(Host& host) {
  return std::make_unique<keeper::KeeperService>(host, keeper::Options());
}

std::unique_ptr<Host> HostOn(Runtime& runtime, size_t node) {
  static std::map<size_t, std::unique_ptr<Identity>> identities;
  auto& identity = identities[node];
  if (identity == nullptr) identity = keeper::IdentityOf(static_cast<uint8_t>(100 + node));
  return std::make_unique<TestHost>(
      runtime, TestHost::Options{.crypto = &keeper::crypto, .identity = identity.get()});
}

L2P_TEST_CONFORMANCE(KeeperServiceTest, ServiceConformance(NewKeeper, HostOn));

}  // namespace
}  // namespace l2p::testkit
