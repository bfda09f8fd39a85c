// What a service sees of a whole node, and how a node runs its services.
#include <gmock/gmock.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "l2p/plugin.h"
#include "l2p/plugin_file.h"
#include "l2p/testkit/conformance.h"
#include "tests/swarm/simulated/linked_plugin.h"
#include "tests/swarm/simulated/sim_swarm.h"

namespace l2p {
namespace {

using testing::ElementsAre;
using testkit::TestBytes;

// The Node of each node that runs "exposes", and what services did, in order.
std::map<PeerId, Node*> nodes;
std::vector<std::string> calls;

class ExposingService : public Service {
 public:
  explicit ExposingService(Host& host) : host_(host) {}
  absl::Status Start(Node& node) override {
    nodes[host_.identity().peer()] = &node;
    calls.push_back("start exposes");
    return absl::OkStatus();
  }
  void Stop() override {
    nodes.erase(host_.identity().peer());
    calls.push_back("stop exposes");
  }

 private:
  Host& host_;
};

class SecondService : public Service {
 public:
  absl::Status Start(Node&) override {
    calls.push_back("start second");
    return absl::OkStatus();
  }
  void Stop() override { calls.push_back("stop second"); }
};

class FailingService : public Service {
 public:
  absl::Status Start(Node&) override { return absl::UnavailableError("no luck"); }
  void Stop() override { calls.push_back("stop fails"); }
};

// Waits for blocks in the background, and for that to end when it is stopped.
class FetchingService : public Service {
 public:
  static inline FetchingService* latest = nullptr;

  explicit FetchingService(Host& host) : host_(host), tasks_(host.tasks(), host.NewEvent()) {}
  absl::Status Start(Node& node) override {
    node_ = &node;
    latest = this;
    return absl::OkStatus();
  }
  void Stop() override { tasks_.Join(); }

  void Fetch(const Multihash& block) {
    ASSERT_TRUE(tasks_
                    .Start("fetch",
                           [this, block] {
                             absl::StatusOr<Bytes> got = absl::UnknownError("");
                             const Time deadline = host_.Now() + absl::Minutes(2);
                             node_->blocks().Fetch(block, {&block, 1}, deadline, {&got, 1});
                             EXPECT_FALSE(got.ok());
                           })
                    .ok());
  }

 private:
  Host& host_;
  Node* node_ = nullptr;
  TaskGroup tasks_;
};

absl::StatusOr<std::unique_ptr<Service>> OpenFetching(Host& host, const Settings&) {
  return std::make_unique<FetchingService>(host);
}
absl::StatusOr<std::unique_ptr<Service>> OpenExposing(Host& host, const Settings&) {
  return std::make_unique<ExposingService>(host);
}
absl::StatusOr<std::unique_ptr<Service>> OpenSecond(Host&, const Settings&) {
  return std::make_unique<SecondService>();
}
absl::StatusOr<std::unique_ptr<Service>> OpenFailing(Host&, const Settings&) {
  return std::make_unique<FailingService>();
}

const PluginDescriptor kExposing = DescribeLinked<Service, OpenExposing>("exposes");
const PluginDescriptor kSecond = DescribeLinked<Service, OpenSecond>("second");
const PluginDescriptor kFailing = DescribeLinked<Service, OpenFailing>("fails");
const PluginDescriptor kFetching = DescribeLinked<Service, OpenFetching>("fetches");

SimSwarm::Options WithServices(size_t count, const std::string& services) {
  return {.nodes = count,
          .settings = {"service.plugin=" + services},
          .plugins = {&kExposing, &kSecond, &kFailing, &kFetching}};
}

Node& NodeAt(SimSwarm& swarm, size_t i) { return *nodes.at(swarm.node(i).self().id); }

TEST(Services, StartInOrderAndStopInReverse) {
  calls.clear();
  SimSwarm swarm(WithServices(1, "exposes, second"));
  swarm.Run([] {});
  EXPECT_THAT(calls, ElementsAre("start exposes", "start second", "stop second", "stop exposes"));
}

TEST(Services, StopAgainWhenOneCannotStart) {
  calls.clear();
  SimSwarm swarm({.nodes = 1, .plugins = {&kExposing, &kSecond, &kFailing}});
  swarm.Run([&] {
    swarm.Stop(0);
    swarm.ChangeSettings(0, {"service.plugin=exposes,fails,second"});
    const absl::Status started = swarm.TryStart(0);
    EXPECT_TRUE(absl::StrContains(started.message(), "service.plugin: fails: no luck")) << started;
  });
  EXPECT_THAT(calls, ElementsAre("start exposes", "stop exposes"));
}

TEST(Services, DoNotHoldUpTheEndOfANodeWhileTheyWaitForPeers) {
  SimSwarm swarm(WithServices(3, "fetches"));
  swarm.Run([&] {
    Content::PutOptions once = SimSwarm::SmallChunks();
    once.redundancy = "copies:1";
    const auto put = swarm.Put(0, TestBytes(1, 10'000), once);
    ASSERT_TRUE(put.ok()) << put.status();
    const size_t reader = swarm.AddNode();
    for (size_t i = 0; i < reader; ++i) swarm.Freeze(i);
    FetchingService::latest->Fetch(put->id.hash());
    swarm.simulation().Sleep(absl::Seconds(1));
    const Time begun = swarm.simulation().Now();
    swarm.Stop(reader);
    EXPECT_LE(swarm.simulation().Now() - begun, SimSwarm::kDrain + absl::Seconds(1));
  });
}

TEST(Services, AreNamedWhenThereIsNoSuchPlugin) {
  SimSwarm swarm({.nodes = 1});
  swarm.Run([&] {
    swarm.Stop(0);
    swarm.ChangeSettings(0, {"service.plugin=kepeer"});
    const absl::Status started = swarm.TryStart(0);
    EXPECT_TRUE(absl::StrContains(started.message(), "service.plugin")) << started;
    EXPECT_TRUE(absl::StrContains(started.message(), "kepeer")) << started;
  });
}

TEST(Services, AreLoadedFromFilesAndServeTheirProtocols) {
  const auto counts = OpenPluginFile(L2P_TEST_PLUGINS "/service/counts.so");
  ASSERT_TRUE(counts.ok()) << counts.status();
  SimSwarm::Options options = WithServices(4, "exposes,counts");
  options.plugins.push_back(*counts);
  SimSwarm swarm(options);
  swarm.Run([&] {
    ASSERT_TRUE(swarm.Put(1, TestBytes(1, 100'000)).ok());
    const std::unique_ptr<Calls> calls = NodeAt(swarm, 2).messenger().NewCalls();
    const Time deadline = swarm.simulation().Now() + absl::Seconds(10);
    calls->Send(swarm.node(1).self(), "/test/counts/1.0.0", Bytes::Copy("?"), 64, deadline);
    const auto answer = calls->Next(deadline);
    ASSERT_TRUE(answer && answer->result.ok());
    EXPECT_EQ(answer->result->text(), "1");
  });
}

TEST(ServiceNode, ListsWhatIsHeldAndWhatWasPut) {
  SimSwarm swarm(WithServices(4, "exposes"));
  swarm.Run([&] {
    std::vector<Cid> ids;
    for (int i = 0; i < 5; ++i) {
      const auto put = swarm.Put(1, TestBytes(i, 50'000 + i));
      ASSERT_TRUE(put.ok()) << put.status();
      ids.push_back(put->id);
    }
    HeldGroups& groups = NodeAt(swarm, 2).groups();
    std::vector<HeldGroup> all = groups.List({}, 100);
    EXPECT_EQ(all.size(), 5u);
    std::vector<Multihash> paged;
    for (Multihash after;;) {
      const std::vector<HeldGroup> page = groups.List(after, 2);
      if (page.empty()) break;
      for (const HeldGroup& held : page) {
        EXPECT_EQ(held.owner, swarm.node(1).self().id);
        paged.push_back(held.group);
      }
      after = page.back().group;
    }
    EXPECT_EQ(paged.size(), 5u);
    EXPECT_TRUE(std::is_sorted(paged.begin(), paged.end()));
    const auto content = groups.Find(ids[0].hash());
    ASSERT_TRUE(content.ok()) << content.status();
    EXPECT_EQ(content->blocks.leaves.size(), 4u);
    EXPECT_TRUE(groups.LostBlocks(10).empty());
    const auto objects = NodeAt(swarm, 1).groups().Objects();
    ASSERT_TRUE(objects.ok()) << objects.status();
    ASSERT_EQ(objects->size(), 5u);
    EXPECT_EQ(objects->front().id, ids[0]);
    EXPECT_EQ(objects->front().groups, std::vector<Multihash>{ids[0].hash()});
  });
}

TEST(ServiceNode, FetchesBlocksInsideAGroupFromItsHolders) {
  SimSwarm swarm(WithServices(8, "exposes"));
  swarm.Run([&] {
    const std::string content = TestBytes(1, 100'000);
    const auto put = swarm.Put(1, content);
    ASSERT_TRUE(put.ok()) << put.status();
    swarm.Stop(1);
    const size_t holder = swarm.Holders(put->id, 1).front();
    const auto held = NodeAt(swarm, holder).groups().Find(put->id.hash());
    ASSERT_TRUE(held.ok()) << held.status();
    size_t stranger = 0;
    while (NodeAt(swarm, stranger).groups().Find(put->id.hash()).ok()) ++stranger;
    NodeBlocks& blocks = NodeAt(swarm, stranger).blocks();
    std::vector<Multihash> ids;
    for (const BlockRef& leaf : held->blocks.leaves) ids.push_back(leaf.id);
    ids.push_back(*Multihash::FromDigest(HashCode::kSha2_256, std::vector<uint8_t>(32, 7)));
    std::vector<absl::StatusOr<Bytes>> got(ids.size(), absl::UnknownError(""));
    blocks.Fetch(put->id.hash(), ids, swarm.simulation().Now() + absl::Minutes(2), got);
    std::string together;
    for (size_t i = 0; i + 1 < got.size(); ++i) {
      ASSERT_TRUE(got[i].ok()) << got[i].status();
      together += got[i]->text();
    }
    EXPECT_EQ(together, content);
    EXPECT_FALSE(got.back().ok());
    std::vector<int64_t> sizes(ids.size());
    ASSERT_TRUE(blocks.Has(ids, sizes).ok());
    EXPECT_EQ(sizes, std::vector<int64_t>(ids.size(), -1));
  });
}

// As a keeper repairs: what it has in memory, to a peer that does not have it.
TEST(ServiceNode, PushesBlocksThatItDoesNotKeep) {
  SimSwarm swarm(WithServices(6, "exposes"));
  swarm.Run([&] {
    const std::string bytes = TestBytes(1, 1000);
    const ByteView view = AsBytes(bytes);
    const Multihash id =
        *Multihash::FromDigest(HashCode::kSha2_256, swarm.node(0).crypto().Sha256({&view, 1}));
    HeldGroups::Content content;
    content.blocks.id = id;
    content.blocks.leaves.push_back({id, 1000});
    content.record = "what a record says";
    NodePeers& peers = NodeAt(swarm, 1).peers();
    const Time now = swarm.simulation().Now();
    const auto candidates = peers.Candidates(id, now + absl::Seconds(20));
    ASSERT_TRUE(candidates.ok()) << candidates.status();
    ASSERT_EQ(candidates->size(), 5u);
    size_t reads = 0;
    const BlockReader read = [&](std::span<const Multihash> ids,
                                 std::span<absl::StatusOr<Bytes>> out) {
      for (size_t i = 0; i < ids.size(); ++i) out[i] = Bytes::Copy(bytes);
      reads += ids.size();
    };
    const PeerInfo& holder = candidates->front();
    const absl::Status pushed = peers.Push(holder, content, absl::InfiniteFuture(), read);
    ASSERT_TRUE(pushed.ok()) << pushed;
    EXPECT_EQ(reads, 1u);
    const auto kept = nodes.at(holder.id)->groups().Find(id);
    ASSERT_TRUE(kept.ok()) << kept.status();
    EXPECT_EQ(kept->record, "what a record says");
    const auto query = peers.FindProviders(id, 5, now + absl::Seconds(30));
    ASSERT_TRUE(query.ok()) << query.status();
    const auto provider = (*query)->Next(now + absl::Seconds(30));
    ASSERT_TRUE(provider.ok() && *provider);
    EXPECT_EQ((*provider)->id, holder.id);

    peers.Note(holder.id, Conduct::kWrongBytes);
    EXPECT_LE(peers.Score(holder.id), NodePeers::kShunned);
    EXPECT_EQ(peers.Candidates(id, swarm.simulation().Now() + absl::Seconds(20))->size(), 4u);
  });
}

TEST(ServiceNode, KeepsAGroupAndEndsThat) {
  SimSwarm swarm(WithServices(4, "exposes"));
  swarm.Run([&] {
    const std::string bytes = TestBytes(1, 1000);
    const ByteView view = AsBytes(bytes);
    const Multihash id =
        *Multihash::FromDigest(HashCode::kSha2_256, swarm.node(0).crypto().Sha256({&view, 1}));
    const PeerId owner = swarm.node(2).self().id;
    HeldGroups::Content content;
    content.blocks.id = id;
    content.blocks.leaves.push_back({id, 1000});
    content.record = "record";
    HeldGroups& groups = NodeAt(swarm, 1).groups();
    const HeldGroup held{id, owner, absl::InfiniteFuture(), 0};
    EXPECT_TRUE(absl::IsFailedPrecondition(groups.Keep(held, content, {})));
    const Block wrong{id, Bytes::Copy("other bytes")};
    EXPECT_TRUE(absl::IsDataLoss(groups.Keep(held, content, {&wrong, 1})));
    EXPECT_EQ(swarm.node(1).GetStatus().store.blocks, 0u);
    const Block right{id, Bytes::Copy(bytes)};
    ASSERT_TRUE(groups.Keep(held, content, {&right, 1}).ok());
    EXPECT_EQ(groups.Find(id)->record, "record");
    EXPECT_EQ(swarm.Get(3, Cid(Codec::kRaw, id))->lone(), bytes);
    EXPECT_TRUE(groups.Release(id, owner).ok());
    EXPECT_TRUE(absl::IsNotFound(groups.Release(id, owner)));
    EXPECT_EQ(swarm.node(1).GetStatus().store.blocks, 0u);
  });
}

}  // namespace
}  // namespace l2p
