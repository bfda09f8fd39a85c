#include "tests/swarm/simulated/sim_swarm.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "l2p/plugin_file.h"

namespace l2p {
namespace {

using testkit::SimNetwork;

constexpr uint16_t kPort = 4422;
constexpr Duration kJoinLimit = absl::Seconds(60);
constexpr Duration kGetLimit = absl::Minutes(10);

// What makes a node of the simulator of the shipped settings.
constexpr const char* kSimulated[] = {
    "transport.plugin=sim",
    "storage.pack.segment=4MiB",  // Empty ones are allotted on disks in memory, too.
    "storage.pack.reserve=64KiB",    "storage.quota=1GiB",
    "placement.redundancy=copies:3",  // Tests of coding say so.
};

std::vector<const PluginDescriptor*> PluginsOf(const SimSwarm::Options& options) {
  std::vector<const PluginDescriptor*> plugins = options.plugins;
  plugins.push_back(&testkit::kSimTransport);
  constexpr std::pair<const char*, const char*> kBuilt[] = {
      {"crypto", "boringssl"}, {"hashing", "sha256"},   {"chunking", "fixed"},
      {"chunking", "fastcdc"}, {"storage", "pack"},     {"storage", "filesystem"},
      {"storage", "memory"},   {"routing", "kademlia"}, {"service", "keeper"},
  };
  for (const auto& [kind, name] : kBuilt) plugins.push_back(BuiltPlugin(kind, name));
  return plugins;
}

SimNetwork::Options NetworkOf(const SimSwarm::Options& options) {
  SimNetwork::Options network = options.network;
  network.seed = options.seed;
  return network;
}

}  // namespace

const PluginDescriptor* BuiltPlugin(const std::string& kind, const std::string& name) {
  const absl::StatusOr<const PluginDescriptor*> plugin =
      OpenPluginFile(absl::StrCat(L2P_BUILT_PLUGINS "/", kind, "/", name, ".so"));
  if (plugin.ok()) return *plugin;
  std::fprintf(stderr, "%s\n", plugin.status().ToString().c_str());
  std::abort();
}

SimSwarm::SimSwarm(Options options)
    : options_(std::move(options)),
      simulation_(options_.seed, {.longest_run = options_.longest_run,
                                  .echo_log = std::getenv("L2P_ECHO_LOG") != nullptr}),
      network_(simulation_, NetworkOf(options_)),
      plugins_({.paths = {}, .copies = {}, .linked = PluginsOf(options_)}) {
  for (size_t i = 0; i < options_.nodes; ++i) NewMember();
}

SimSwarm::~SimSwarm() = default;

void SimSwarm::NewMember() {
  network_.AddNode();
  members_.emplace_back();
  members_.back().name = absl::StrCat("node", members_.size() - 1);
}

absl::StatusOr<NodeConfig> SimSwarm::ConfigOf(size_t i) const {
  std::ifstream in(L2P_SHIPPED_SETTINGS, std::ios::binary);
  const NodeConfig::Source shipped{L2P_SHIPPED_SETTINGS,
                                   std::string{std::istreambuf_iterator<char>(in), {}}};
  Settings settings(std::begin(kSimulated), std::end(kSimulated));
  settings.push_back(absl::StrCat("transport.sim.listen=/ip4/0.0.0.0/tcp/", kPort));
  if (i != 0) {
    settings.push_back(absl::StrCat("network.bootstrap=/ip4/", network_.ip(0), "/tcp/", kPort));
  }
  settings.insert(settings.end(), options_.settings.begin(), options_.settings.end());
  if (const auto own = options_.of_node.find(i); own != options_.of_node.end()) {
    settings.insert(settings.end(), own->second.begin(), own->second.end());
  }
  return NodeConfig::Parse({&shipped, 1}, settings);
}

absl::Status SimSwarm::TryStart(size_t i) {
  Member& member = members_[i];
  network_.SetFate(i, SimNetwork::Fate::kUp);
  L2P_ASSIGN_OR_RETURN(NodeConfig config, ConfigOf(i));
  member.config = std::make_unique<NodeConfig>(std::move(config));
  member.runtime = std::make_unique<testkit::SimRuntime>(
      simulation_, *member.disk, member.name,
      testkit::SimRuntime::Options{
          static_cast<size_t>(member.config->settings().Integer("node.tasks"))});
  member.runtime->SetAbility(SimNetwork::kAbility, network_.port(i));
  L2P_ASSIGN_OR_RETURN(auto node, KernelNode::Open(*member.runtime, *member.config, plugins_));
  L2P_RETURN_IF_ERROR(node->Start());
  member.node = std::move(node);
  return absl::OkStatus();
}

void SimSwarm::Start(size_t i) {
  const absl::Status started = TryStart(i);
  ASSERT_TRUE(started.ok()) << members_[i].name << ": " << started;
}

size_t SimSwarm::AddNode() {
  NewMember();
  Start(size() - 1);
  return size() - 1;
}

void SimSwarm::Run(const std::function<void()>& body) {
  const std::vector<std::string> left = simulation_.Run([&] {
    for (size_t i = 0; i < size(); ++i) Start(i);
    if (!testing::Test::HasFatalFailure()) WaitUntilJoined();
    if (!testing::Test::HasFatalFailure()) body();
    for (size_t i = 0; i < size(); ++i) {
      if (!runs(i)) continue;
      Thaw(i);
      Stop(i);
    }
  });
  EXPECT_TRUE(left.empty()) << "still running: " << absl::StrJoin(left, ", ");
}

void SimSwarm::WaitUntilJoined() {
  const Time limit = simulation_.Now() + kJoinLimit;
  for (size_t i = 0; i < size() && size() > 1;) {
    if (node(i).GetStatus().known_peers >= std::min<size_t>(size() - 1, 10)) {
      ++i;
      continue;
    }
    ASSERT_LT(simulation_.Now(), limit) << members_[i].name << " does not join: it knows "
                                        << node(i).GetStatus().known_peers << " peers";
    simulation_.Sleep(absl::Milliseconds(100));
  }
}

void SimSwarm::Stop(size_t i) {
  Member& member = members_[i];
  member.node->Stop(simulation_.Now() + kDrain);
  member.node.reset();
  EXPECT_EQ(member.runtime->running(), 0u) << member.name;
  member.runtime.reset();
}

// The node's tasks are abandoned where they wait, and with them all that they use.
void SimSwarm::End(size_t i, SimNetwork::Fate fate) {
  Member& member = members_[i];
  member.runtime->Kill();
  network_.SetFate(i, fate);
  simulation_.Abandon(std::move(member.node));
  simulation_.Abandon(std::move(member.config));
  simulation_.Abandon(std::move(member.runtime));
}

void SimSwarm::Kill(size_t i) { End(i, SimNetwork::Fate::kRefusing); }

void SimSwarm::CutPower(size_t i) {
  End(i, SimNetwork::Fate::kDown);
  disk(i).Crash(simulation_.Random());
}

void SimSwarm::Freeze(size_t i) {
  runtime(i).Freeze();
  network_.SetFate(i, SimNetwork::Fate::kFrozen);
}

void SimSwarm::Thaw(size_t i) {
  if (network_.fate(i) != SimNetwork::Fate::kFrozen) return;
  network_.SetFate(i, SimNetwork::Fate::kUp);
  runtime(i).Thaw();
}

Content::PutOptions SimSwarm::SmallChunks() {
  Content::PutOptions options;
  options.chunker = "fixed:16KiB";
  return options;
}

Content::PutOptions SimSwarm::Local() {
  Content::PutOptions options = SmallChunks();
  options.local = true;
  return options;
}

absl::StatusOr<Content::PutResult> SimSwarm::Put(size_t i, const std::string& content,
                                                 Content::PutOptions options) {
  ListedInput input(content);
  return Put(i, input, options);
}

absl::StatusOr<Content::PutResult> SimSwarm::Put(size_t i, Input& input,
                                                 const Content::PutOptions& options) {
  return node(i).content().Put(input, options, nullptr);
}

absl::StatusOr<SimSwarm::Got> SimSwarm::Get(size_t i, const Cid& id, bool local_only) {
  const Time start = simulation_.Now();
  const std::unique_ptr<Exchange::Session> session = node(i).content().NewSession(local_only);
  MemoryOutput output;
  const ExportLimits limits;
  L2P_RETURN_IF_ERROR(Export(*session, id, output, limits, start + kGetLimit));
  return Got{std::move(output.files), simulation_.Now() - start, session->served()};
}

std::vector<size_t> SimSwarm::Holders(const Cid& id, size_t but) {
  std::vector<size_t> holders;
  for (size_t i = 0; i < size(); ++i) {
    if (i != but && runs(i) && Get(i, id, true).ok()) holders.push_back(i);
  }
  return holders;
}

size_t SimSwarm::NodeOf(const PeerId& peer) {
  for (size_t i = 0; i < size(); ++i) {
    if (runs(i) && node(i).self().id == peer) return i;
  }
  ADD_FAILURE() << "no node is " << peer.ToString();
  return 0;
}

}  // namespace l2p
