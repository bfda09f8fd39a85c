#include "l2p/testkit/service_conformance.h"

#include "expect.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/sim_messenger.h"
#include "l2p/testkit/sim_network.h"
#include "l2p/testkit/sim_runtime.h"

namespace l2p::testkit {
namespace {

class EmptyNode : public Node {
 public:
  explicit EmptyNode(Messenger& messenger) : messenger_(messenger) {}
  absl::StatusOr<Bytes> GetLocal(const Multihash&) override {
    return absl::NotFoundError("this node has no blocks");
  }
  absl::StatusOr<Bytes> Get(const Cid&, Time) override {
    return absl::NotFoundError("this node has no blocks");
  }
  absl::Status Put(const Cid&, Bytes) override {
    return absl::ResourceExhaustedError("this node has no room");
  }
  Messenger& messenger() override { return messenger_; }

 private:
  Messenger& messenger_;
};

// Makes, starts, lets run for `lifetime` and stops an instance, twice over the same disk.
absl::Status Live(Simulation& simulation, const Factory<Service>& factory, const HostFactory& hosts,
                  Duration lifetime) {
  SimNetwork network(simulation);
  SimMessengers messengers(network);
  MemoryDisk disk;
  const size_t node = network.AddNode();
  for (int life = 0; life < 2; ++life) {
    SimRuntime runtime(simulation, disk, "node0");
    const std::unique_ptr<Host> host = hosts(runtime, 0);
    const std::unique_ptr<SimMessenger> messenger =
        messengers.New(node, runtime, host->identity().peer());
    EmptyNode empty(*messenger);
    absl::StatusOr<std::unique_ptr<Service>> service = factory(*host);
    if (!service.ok()) return WithContext(service.status(), "make a service");
    L2P_RETURN_IF_ERROR(WithContext((*service)->Start(empty), "Start"));
    if (lifetime > absl::ZeroDuration()) simulation.Sleep(lifetime);
    const Time before = simulation.Now();
    (*service)->Stop();
    L2P_EXPECT(simulation.Now() - before < absl::Seconds(30), "Stop took ",
               absl::FormatDuration(simulation.Now() - before));
    service->reset();
    L2P_EXPECT(runtime.running() == 0, runtime.running(),
               " tasks of the service still run after Stop");
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<ConformanceCase> ServiceConformance(Factory<Service> factory, HostFactory hosts) {
  const auto one = [&](const char* name, Duration lifetime) {
    return ConformanceCase{
        name, [factory, hosts, lifetime] {
          Simulation simulation(1);
          absl::Status result;
          simulation.Run([&] { result = Live(simulation, factory, hosts, lifetime); });
          return result;
        }};
  };
  return {one("StopsAtOnce", absl::ZeroDuration()), one("StopsAfterAnHour", absl::Hours(1))};
}

}  // namespace l2p::testkit
