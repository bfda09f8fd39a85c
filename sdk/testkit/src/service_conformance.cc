#include "l2p/testkit/service_conformance.h"

#include "absl/strings/str_cat.h"
#include "expect.h"
#include "l2p/testkit/conformance.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/sim_messenger.h"
#include "l2p/testkit/sim_network.h"
#include "l2p/testkit/sim_runtime.h"
#include "l2p/testkit/test_node.h"

namespace l2p::testkit {
namespace {

constexpr Duration kStopLimit = absl::Seconds(30);

// What the node is like while a service lives.
struct Life {
  Duration lifetime;
  size_t groups = 0;
  absl::Status error;  // Of every call.
};

// Groups of one block and of two, an object of all of them, and one block lost.
void Fill(TestNode& node, Host& host, size_t groups) {
  OwnObject object;
  Multihash last;
  for (size_t i = 0; i < groups; ++i) {
    HeldGroups::Content content;
    std::vector<Block> blocks;
    for (size_t j = 0; j <= i % 2; ++j) {
      const std::string bytes = TestBytes(10 * i + j, 100 + i);
      const ByteView part = AsBytes(bytes);
      const Multihash id =
          *Multihash::FromDigest(HashCode::kSha2_256, host.crypto().Sha256({&part, 1}));
      blocks.push_back({id, Bytes::Copy(bytes)});
      content.blocks.leaves.push_back({id, static_cast<uint32_t>(bytes.size())});
    }
    last = content.blocks.leaves.back().id;
    content.blocks.id = content.blocks.leaves.front().id;
    object.groups.push_back(content.blocks.id);
    object.id = Cid(Codec::kRaw, content.blocks.id);
    node.Hold({content.blocks.id, host.identity().peer(), absl::InfiniteFuture(), 0}, content,
              blocks);
  }
  if (groups == 0) return;
  node.RemoveBlock(last);
  node.SetObjects({object});
}

// Makes, starts, lets run and stops an instance, twice over the same disk.
absl::Status Live(Simulation& simulation, const Factory<Service>& factory, const HostFactory& hosts,
                  const Life& life) {
  SimNetwork network(simulation);
  SimMessengers messengers(network);
  MemoryDisk disk;
  const size_t node = network.AddNode();
  for (int start = 0; start < 2; ++start) {
    SimRuntime runtime(simulation, disk, "node0");
    const std::unique_ptr<Host> host = hosts(runtime, 0);
    const std::unique_ptr<SimMessenger> messenger =
        messengers.New(node, runtime, host->identity().peer());
    TestNode test_node(*messenger);
    Fill(test_node, *host, life.groups);
    test_node.FailWith(life.error);
    absl::StatusOr<std::unique_ptr<Service>> service = factory(*host);
    if (!service.ok()) return WithContext(service.status(), "make a service");
    const absl::Status started = (*service)->Start(test_node);
    if (life.error.ok()) L2P_RETURN_IF_ERROR(WithContext(started, "Start"));
    if (started.ok()) {
      if (life.lifetime > absl::ZeroDuration()) simulation.Sleep(life.lifetime);
      const Time before = simulation.Now();
      (*service)->Stop();
      L2P_EXPECT(simulation.Now() - before < kStopLimit, "Stop took ",
                 absl::FormatDuration(simulation.Now() - before));
    }
    const size_t calls = test_node.calls();
    simulation.Sleep(absl::Hours(1));
    L2P_EXPECT(test_node.calls() == calls, "the service called the node ",
               test_node.calls() - calls, " times after Stop");
    service->reset();
    L2P_EXPECT(runtime.running() == 0, runtime.running(),
               " tasks of the service still run after Stop");
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<ConformanceCase> ServiceConformance(Factory<Service> factory, HostFactory hosts) {
  const auto one = [&](const char* name, const Life& life) {
    return ConformanceCase{
        name, [factory, hosts, life] {
          Simulation simulation(1);
          absl::Status result;
          simulation.Run([&] { result = Live(simulation, factory, hosts, life); });
          return result;
        }};
  };
  return {
      one("StopsAtOnce", {absl::ZeroDuration(), 0, {}}),
      one("StopsAfterAnHour", {absl::Hours(1), 0, {}}),
      one("StopsAtOnceOnANodeThatHoldsGroups", {absl::ZeroDuration(), 300, {}}),
      one("StopsAfterTwoDaysOnANodeThatHoldsGroups", {absl::Hours(48), 300, {}}),
      one("StopsOnANodeThatRefusesEverything",
          {absl::Hours(1), 3, absl::ResourceExhaustedError("this node refuses everything")}),
  };
}

}  // namespace l2p::testkit
