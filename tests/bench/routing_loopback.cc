// 64 nodes in one process, with the real runtime, the `tcp` and `kademlia` plugins as built, on
// loopback: how long get-providers takes. Prints one JSON object. usage: routing-loopback
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "bare_host.h"
#include "kernel/network/network.h"
#include "kernel/runtime/real_runtime.h"
#include "l2p/plugin_file.h"
#include "l2p/router.h"
#include "l2p/testkit/worlds.h"

namespace l2p::testkit {
namespace {

constexpr size_t kNodes = 64;
constexpr size_t kKeys = 128;
constexpr size_t kLookups = 1000;
constexpr size_t kAtOnce = 16;
constexpr std::chrono::seconds kSeconds{10};
constexpr Duration kLimit = absl::Seconds(10);

using Clock = std::chrono::steady_clock;

template <typename T>
T ValueOrDie(absl::StatusOr<T> value, const char* what) {
  if (value.ok()) return *std::move(value);
  std::fprintf(stderr, "routing-loopback: %s: %s\n", what, value.status().ToString().c_str());
  std::exit(1);
}

void CheckOk(const absl::Status& status, const char* what) {
  if (status.ok()) return;
  std::fprintf(stderr, "routing-loopback: %s: %s\n", what, status.ToString().c_str());
  std::exit(1);
}

const PluginDescriptor& Plugin(const std::string& name) {
  return *ValueOrDie(OpenPluginFile(PluginFolders().front() + "/" + name), name.c_str());
}

struct Node {
  std::unique_ptr<RealRuntime> runtime;
  std::unique_ptr<Host> host;
  std::unique_ptr<Network> network;
  std::unique_ptr<Messenger> messenger;
  std::unique_ptr<Router> router;

  ~Node() {
    if (router != nullptr) router->Stop();
    router.reset();
    messenger.reset();
    if (network != nullptr) network->Stop();
  }
};

std::unique_ptr<Node> NewNode(size_t i, const std::string& folder,
                              const std::shared_ptr<const Crypto>& crypto,
                              const std::vector<PeerInfo>& known) {
  auto node = std::make_unique<Node>();
  node->runtime = ValueOrDie(RealRuntime::Open({.data_dir = absl::StrCat(folder, "/", i),
                                                .max_tasks = 256,
                                                .log_level = Severity::kError}),
                             "open a runtime");
  node->host = BareHosts(crypto)(*node->runtime, i);
  node->network = std::make_unique<Network>(*node->runtime, node->host->identity(), *crypto,
                                            Network::Options{});
  CheckOk(node->network->Start(), "start a network");
  const auto tcp = FactoryOf<Transport>(Plugin("transport/tcp.so"), {{"io_threads", "1"}});
  CheckOk(node->network->AddTransport(ValueOrDie(tcp(*node->host), "make tcp")), "add tcp");
  ValueOrDie(node->network->Listen(*Multiaddr::FromTcp("127.0.0.1", 0)), "listen");
  node->messenger = node->network->NewMessenger();
  node->router =
      ValueOrDie(FactoryOf<Router>(Plugin("routing/kademlia.so"))(*node->host), "make kademlia");
  CheckOk(node->router->Start(*node->messenger, known), "start kademlia");
  return node;
}

bool Finds(Node& node, const Multihash& key) {
  const Time deadline = node.runtime->Now() + kLimit;
  const auto query = node.router->FindProviders(key, 1, deadline);
  if (!query.ok()) return false;
  const auto provider = (*query)->Next(deadline);
  return provider.ok() && provider->has_value();
}

// One of the keys, looked for by a node that has not announced it.
bool FindsAny(const std::vector<std::unique_ptr<Node>>& nodes, const std::vector<Multihash>& keys,
              std::mt19937& random) {
  const size_t key = random() % kKeys;
  return Finds(*nodes[(key + 1 + random() % (kNodes - 1)) % kNodes], keys[key]);
}

// Lookups that end in a second, kAtOnce under way all the time.
double Throughput(const std::vector<std::unique_ptr<Node>>& nodes,
                  const std::vector<Multihash>& keys) {
  std::atomic<size_t> done = 0;
  const Clock::time_point begin = Clock::now();
  std::vector<std::thread> threads;
  for (size_t i = 0; i < kAtOnce; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937 random(static_cast<unsigned>(i));
      while (Clock::now() < begin + kSeconds) {
        done += FindsAny(nodes, keys, random) ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return static_cast<double>(done) / std::chrono::duration<double>(Clock::now() - begin).count();
}

void Measure(const std::vector<std::unique_ptr<Node>>& nodes) {
  std::mt19937 random(1);
  std::vector<Multihash> keys;
  for (size_t i = 0; i < kKeys; ++i) {
    keys.push_back(ValueOrDie(Multihash::FromDigest(HashCode::kSha2_256, AsBytes(TestBytes(i, 32))),
                              "make a key"));
    Node& node = *nodes[i % kNodes];
    CheckOk(node.router->Provide({&keys.back(), 1}, node.runtime->Now() + kLimit), "provide");
  }
  std::vector<double> took;
  size_t found = 0;
  for (size_t i = 0; i < kLookups; ++i) {
    const Clock::time_point begin = Clock::now();
    found += FindsAny(nodes, keys, random) ? 1 : 0;
    took.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin).count());
  }
  std::sort(took.begin(), took.end());
  std::printf("{\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"found\": %.4f, \"per_second\": %.1f}\n",
              took[kLookups / 2], took[kLookups * 99 / 100], static_cast<double>(found) / kLookups,
              Throughput(nodes, keys));
}

int Run() {
  std::string folder = (std::filesystem::temp_directory_path() / "l2p-loopback-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) return 1;
  {
    const auto runtime = ValueOrDie(
        RealRuntime::Open({.data_dir = folder + "/crypto", .max_tasks = 8}), "open a runtime");
    const std::unique_ptr<Host> host = BareHosts(nullptr)(*runtime, 0);
    const auto crypto = ValueOrDie(OpenCrypto(PluginFolders(), *host), "open crypto");
    std::vector<std::unique_ptr<Node>> nodes;
    std::vector<PeerInfo> known;
    for (size_t i = 0; i < kNodes; ++i) {
      nodes.push_back(NewNode(i, folder, crypto, known));
      if (known.empty()) known.push_back(nodes[0]->network->Self());
    }
    // As long as the others have to find each other.
    std::this_thread::sleep_for(std::chrono::seconds(10));
    Measure(nodes);
  }
  std::filesystem::remove_all(folder);
  return 0;
}

}  // namespace
}  // namespace l2p::testkit

int main() { return l2p::testkit::Run(); }
