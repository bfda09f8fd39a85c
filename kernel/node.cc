#include "kernel/node.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kernel/advice.h"
#include "kernel/bootstrap.h"
#include "kernel/identity_file.h"
#include "kernel/loader/host.h"
#include "kernel/metrics.h"
#include "kernel/quota.h"
#include "kernel/services.h"

namespace l2p {
namespace {

constexpr Duration kHealthLimit = absl::Minutes(2);
constexpr Duration kFirstPeerAlone = absl::Seconds(1);  // Nobody to wait for but who comes by.
constexpr Duration kSaveScoresPeriod = absl::Minutes(5);

absl::StatusOr<std::vector<Multiaddr>> ParseAddresses(const NodeConfig& config, const char* key) {
  std::vector<Multiaddr> addresses;
  for (const std::string& text : config.settings().List(key)) {
    absl::StatusOr<Multiaddr> address = Multiaddr::FromString(text);
    if (!address.ok()) return config.At(key, address.status());
    addresses.push_back(*std::move(address));
  }
  return addresses;
}

}  // namespace

// In the order in which they are started; destruction runs backwards by itself.
struct KernelNode::Parts {
  Parts(Runtime& the_runtime, const NodeConfig& the_config, PluginRegistry& the_plugins)
      : runtime(the_runtime),
        config(the_config),
        plugins(the_plugins),
        memory(the_runtime, static_cast<size_t>(the_config.settings().Integer("node.memory"))),
        host_parts{the_runtime, memory, metrics} {}

  Runtime& runtime;
  const NodeConfig& config;
  PluginRegistry& plugins;
  Memory memory;
  MetricsRegistry metrics;
  HostParts host_parts;

  mutable Mutex mutex{"KernelNode"};
  std::map<std::pair<std::string, std::string>, std::unique_ptr<PluginHost>> hosts
      L2P_GUARDED_BY(mutex);
  std::vector<ActivePlugin> active;  // Filled by Open.

  std::unique_ptr<Crypto> crypto;
  std::unique_ptr<Identity> identity;
  State* state = nullptr;
  Hashers hashers;
  std::unique_ptr<Slots> slots;
  std::unique_ptr<StoreSlot> store;
  std::unique_ptr<Network> network;
  std::unique_ptr<PeerScores> scores;
  std::vector<std::pair<std::string, std::shared_ptr<Transport>>> transports;
  std::vector<std::pair<std::string, Multiaddr>> listen;  // With the key that says so.
  std::unique_ptr<Bootstrap> bootstrap;
  std::unique_ptr<Messenger> router_messenger;
  std::unique_ptr<Messenger> content_messenger;
  PluginSlot<Router> router;
  std::unique_ptr<BlockService> blocks;
  std::unique_ptr<Holdings> holdings;
  std::unique_ptr<Scrubber> scrubber;
  std::unique_ptr<GarbageCollector> collector;
  std::unique_ptr<Leases> leases;
  std::unique_ptr<Exchange> exchange;
  std::unique_ptr<Placement> placement;
  std::unique_ptr<Content> content;
  Services services;
  std::unique_ptr<Registration> scores_timer;
  Time started;

  // Opens the plugin that `key` (as "storage.plugin") names.
  template <typename Kind>
  absl::StatusOr<std::unique_ptr<Kind>> OpenNamed(const char* key) {
    const std::string name = config.settings().Text(key);
    if (name.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          key, " names no plugin; there are: ", absl::StrJoin(plugins.Names(Kind::kKind), ", ")));
    }
    const absl::Status found = plugins.Find(Kind::kKind, name).status();
    if (!found.ok()) return config.At(key, found);
    return OpenAny<Kind>(name, true);
  }

  template <typename Kind>
  absl::StatusOr<std::unique_ptr<Kind>> OpenAny(const std::string& name, bool is_active) {
    L2P_ASSIGN_OR_RETURN(const PluginDescriptor* plugin, plugins.Find(Kind::kKind, name));
    L2P_ASSIGN_OR_RETURN(const Settings settings, config.ForPlugin(*plugin));
    if (is_active)
      active.push_back({Kind::kKind, name, plugin->version, settings.values(), Role::kLive});
    return OpenPlugin<Kind>(*plugin, HostFor(Kind::kKind, name), settings);
  }

  PluginHost& HostFor(const std::string& kind, const std::string& name) {
    MutexLock lock(mutex);
    std::unique_ptr<PluginHost>& host = hosts[{kind, name}];
    if (host == nullptr) host = std::make_unique<PluginHost>(host_parts, kind, name);
    return *host;
  }

  absl::Status OpenIdentityAndStores();
  absl::Status OpenNetwork();
  absl::Status OpenContent();
  absl::Status OpenServices();
  void SaveScores();
};

absl::Status KernelNode::Parts::OpenIdentityAndStores() {
  L2P_ASSIGN_OR_RETURN(crypto, OpenNamed<Crypto>("crypto.plugin"));
  host_parts.crypto = crypto.get();
  L2P_ASSIGN_OR_RETURN(identity, OpenOrMakeIdentity(runtime, *crypto));
  host_parts.identity = identity.get();
  {
    MutexLock lock(mutex);
    hosts.clear();  // From here on hosts know the identity.
  }
  L2P_ASSIGN_OR_RETURN(state, runtime.OpenState("kernel"));

  const auto host_for = [this](const std::string& kind, const std::string& name) -> Host& {
    return HostFor(kind, name);
  };
  slots =
      std::make_unique<Slots>(Slots::Parts{runtime, plugins, *state, hashers, host_for}, config);
  L2P_RETURN_IF_ERROR(slots->Open());
  store = std::make_unique<StoreSlot>(StoreSlot::Parts{runtime, plugins, *state, host_for}, config);
  return store->Open();
}

absl::Status KernelNode::Parts::OpenNetwork() {
  const Settings& settings = config.settings();
  L2P_ASSIGN_OR_RETURN(std::vector<Multiaddr> peers, ParseAddresses(config, "network.bootstrap"));
  L2P_ASSIGN_OR_RETURN(std::vector<Multiaddr> announce, ParseAddresses(config, "network.announce"));
  network = std::make_unique<Network>(
      runtime, *identity, *crypto,
      Network::Options{static_cast<size_t>(settings.Integer("network.connections")),
                       std::move(announce)});
  bootstrap = std::make_unique<Bootstrap>(runtime, *network, std::move(peers));
  const std::vector<std::string> listening = settings.List("transport.plugin");
  std::vector<std::string> names = plugins.Names(Transport::kKind);
  for (const std::string& name : listening) {
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  for (const std::string& name : names) {
    const bool listens = std::find(listening.begin(), listening.end(), name) != listening.end();
    absl::StatusOr<std::shared_ptr<Transport>> transport = OpenAny<Transport>(name, true);
    if (!transport.ok()) {
      if (listens) return config.At("transport.plugin", transport.status());
      runtime.Log(Severity::kWarning, "kernel", std::string(transport.status().message()));
      continue;
    }
    transports.emplace_back(name, *std::move(transport));
    if (!listens) continue;
    const std::string key = absl::StrCat("transport.", name, ".listen");
    L2P_ASSIGN_OR_RETURN(const PluginDescriptor* plugin, plugins.Find(Transport::kKind, name));
    L2P_ASSIGN_OR_RETURN(const Settings own, config.ForPlugin(*plugin));
    for (const std::string& text : own.List("listen")) {
      absl::StatusOr<Multiaddr> address = Multiaddr::FromString(text);
      if (!address.ok()) return config.At(key, address.status());
      listen.emplace_back(key, *std::move(address));
    }
  }
  scores = std::make_unique<PeerScores>(runtime, *state);
  router_messenger = network->NewMessenger();
  content_messenger = network->NewMessenger();
  L2P_ASSIGN_OR_RETURN(std::shared_ptr<Router> routing, OpenNamed<Router>("routing.plugin"));
  router.Swap(std::move(routing));
  return absl::OkStatus();
}

absl::Status KernelNode::Parts::OpenContent() {
  const Settings& settings = config.settings();
  std::map<std::string, Profile> profiles;
  for (const auto& [name, text] : config.Profiles()) {
    absl::StatusOr<Profile> profile = ParseProfile(name, text);
    if (!profile.ok()) return config.At("content.profile." + name, profile.status());
    profiles.emplace(name, *std::move(profile));
  }
  const std::string default_profile = settings.Text("content.profile");
  if (!profiles.contains(default_profile)) {
    return config.At("content.profile", absl::InvalidArgumentError(absl::StrCat(
                                            "there is no content.profile.", default_profile)));
  }
  absl::StatusOr<Redundancy> redundancy = Redundancy::Parse(settings.Text("placement.redundancy"));
  if (!redundancy.ok()) return config.At("placement.redundancy", redundancy.status());
  const absl::StatusOr<Duration> lease = ParseLease(settings.Text("placement.lease"));
  if (!lease.ok()) return config.At("placement.lease", lease.status());
  const absl::StatusOr<Duration> longest = ParseLease(settings.Text("placement.max_lease"));
  if (!longest.ok()) return config.At("placement.max_lease", longest.status());

  L2P_ASSIGN_OR_RETURN(const uint64_t quota, StorageQuota(runtime, settings, *state));
  blocks = std::make_unique<BlockService>(runtime, store->store(), hashers, quota);
  holdings = std::make_unique<Holdings>(
      runtime, *state, *blocks, identity->peer(),
      ShareLimits{static_cast<uint64_t>(settings.Integer("placement.quota_per_peer")),
                  static_cast<uint64_t>(settings.Integer("placement.quota_per_network")),
                  static_cast<uint64_t>(settings.Integer("placement.blocks_per_peer")), *longest});
  collector = std::make_unique<GarbageCollector>(runtime, *blocks, *holdings);
  leases = std::make_unique<Leases>(
      Leases::Parts{runtime, *state, *holdings, router, *content_messenger, *identity, *crypto});
  scrubber = std::make_unique<Scrubber>(runtime, *state, *blocks, *holdings,
                                        settings.GetDuration("storage.scrub_interval"));
  exchange = std::make_unique<Exchange>(
      runtime, memory, *blocks, router, *content_messenger,
      Exchange::Peers{*scores, [this](const PeerId& peer) { return network->RttP90(peer); },
                      [this] { return !bootstrap->empty() || !network->Known(1).empty(); }},
      *crypto, Exchange::Options{});
  Placement::Options placing;
  placing.candidates = static_cast<size_t>(settings.Integer("placement.candidates"));
  if (bootstrap->empty()) placing.first_peer = kFirstPeerAlone;
  placement =
      std::make_unique<Placement>(Placement::Parts{runtime, memory, *blocks, *holdings, router,
                                                   *content_messenger, *crypto, *identity, *scores},
                                  placing);
  content = std::make_unique<Content>(Content::Parts{
      runtime, memory, *blocks, *holdings, *exchange, *placement, router, slots->hasher(),
      [this](const std::string& name, std::optional<uint64_t> size) {
        return slots->MakeChunker(name, size);
      },
      std::move(profiles), default_profile, *redundancy, *leases, *lease});
  return absl::OkStatus();
}

absl::Status KernelNode::Parts::OpenServices() {
  for (const std::string& name : config.settings().List("service.plugin")) {
    absl::StatusOr<std::unique_ptr<Service>> service = OpenAny<Service>(name, true);
    if (!service.ok()) return config.At("service.plugin", service.status());
    auto node =
        std::make_unique<ServiceNode>(ServiceNode::Parts{runtime, *blocks, *holdings, *scrubber,
                                                         *exchange, *placement, router, *scores},
                                      network->NewMessenger());
    services.Add(name, std::move(node), *std::move(service));
  }
  return absl::OkStatus();
}

void KernelNode::Parts::SaveScores() {
  if (absl::Status saved = scores->Save(); !saved.ok()) {
    runtime.Log(Severity::kWarning, "kernel", absl::StrCat("save scores: ", saved.ToString()));
  }
}

absl::StatusOr<std::unique_ptr<KernelNode>> KernelNode::Open(Runtime& runtime,
                                                             const NodeConfig& config,
                                                             PluginRegistry& plugins) {
  auto parts = std::make_unique<Parts>(runtime, config, plugins);
  L2P_RETURN_IF_ERROR(parts->OpenIdentityAndStores());
  L2P_RETURN_IF_ERROR(parts->OpenNetwork());
  L2P_RETURN_IF_ERROR(parts->OpenContent());
  L2P_RETURN_IF_ERROR(parts->OpenServices());
  return std::unique_ptr<KernelNode>(new KernelNode(std::move(parts)));
}

KernelNode::KernelNode(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
KernelNode::~KernelNode() = default;

absl::Status KernelNode::Start() {
  Parts& node = *parts_;
  node.started = node.runtime.Now();
  L2P_RETURN_IF_ERROR(node.holdings->Open());
  L2P_RETURN_IF_ERROR(node.scores->Load());
  L2P_RETURN_IF_ERROR(node.network->Start());
  for (const auto& [name, transport] : node.transports) {
    L2P_RETURN_IF_ERROR(WithContext(node.network->AddTransport(transport), "transport." + name));
  }
  L2P_RETURN_IF_ERROR(node.exchange->Start());
  L2P_RETURN_IF_ERROR(node.placement->Start());
  for (const auto& [key, address] : node.listen) {
    const absl::StatusOr<std::vector<Multiaddr>> bound = node.network->Listen(address);
    if (!bound.ok()) return config().At(key, bound.status());
  }
  // After Listen: whether it serves or only asks depends on the addresses there are.
  L2P_RETURN_IF_ERROR(
      node.router.Get()->Start(*node.router_messenger, node.bootstrap->KnownPeers()));
  L2P_RETURN_IF_ERROR(node.content->Start());
  L2P_RETURN_IF_ERROR(node.store->Start());
  L2P_RETURN_IF_ERROR(node.scrubber->Start());
  L2P_RETURN_IF_ERROR(node.collector->Start());
  L2P_RETURN_IF_ERROR(node.leases->Start());
  if (absl::Status served = node.services.Start(); !served.ok()) {
    return config().At("service.plugin", served);
  }
  node.bootstrap->Start();
  node.scores_timer =
      node.runtime.tasks().Every("save scores", kSaveScoresPeriod, [&node] { node.SaveScores(); });
  return absl::OkStatus();
}

void KernelNode::Stop(Time deadline) {
  Parts& node = *parts_;
  node.network->Drain();
  node.services.Stop(node.runtime, deadline, [&node] {
    node.exchange->AbortSessions();
    node.network->Stop();
  });
  node.placement->WaitForPushes(deadline);
  node.router.Get()->Stop();
  node.exchange->AbortSessions();
  // With the connections gone, whatever still waits for a peer ends at once.
  node.network->Stop();
  node.bootstrap->Stop();
  node.scores_timer.reset();
  node.scrubber->Stop();
  node.collector->Stop();
  node.leases->Stop();
  node.store->Stop();
  node.placement->Stop();
  node.exchange->Stop();
  node.content->Stop();
  node.SaveScores();
  if (absl::Status closed = node.holdings->Close(); !closed.ok()) {
    node.runtime.Log(Severity::kWarning, "kernel", std::string(closed.message()));
  }
}

PeerInfo KernelNode::self() const { return parts_->network->Self(); }

KernelNode::Status KernelNode::GetStatus() {
  Parts& node = *parts_;
  Status status;
  status.started = node.started;
  status.store = node.blocks->Usage();
  status.quota_bytes = node.blocks->quota();
  status.held_groups = node.holdings->Groups().size();
  status.connected_peers = node.content_messenger->Connected().size();
  status.known_peers = node.router.Get()->Known(10'000).size();
  status.memory_limit = node.memory.limit();
  status.memory_used = node.memory.used();
  status.joined = status.connected_peers > 0 || node.bootstrap->empty();
  status.move = node.store->move();
  if (const absl::StatusOr<Folder::Space> space = node.runtime.folder().Free(); space.ok()) {
    status.disk_free = space->free;
    status.disk_total = space->total;
  }
  status.lost_blocks = node.scrubber->progress().lost;
  status.degraded_groups = static_cast<uint64_t>(node.metrics.Sum("degraded_groups"));
  status.incomplete_groups = node.placement->waiting();
  status.was_dialled = node.network->was_dialled();
  for (const auto& [address, peers] : node.network->Observed()) {
    if (address.scope() == Multiaddr::Scope::kPublic) status.seen_at = address.ToString();
  }
  status.advice = AdviceFor(status, node.runtime.Now());
  return status;
}

std::string KernelNode::RenderMetrics() {
  const Status status = GetStatus();
  Metrics& metrics = parts_->metrics.kernel();
  const auto set = [&](const char* name, const char* help, uint64_t value) {
    metrics.Gauge(name, help).Set(static_cast<int64_t>(value));
  };
  set("connected_peers", "Peers with a standing connection.", status.connected_peers);
  set("known_peers", "Peers in the routing table.", status.known_peers);
  set("store_blocks", "Blocks in the store.", status.store.blocks);
  set("store_disk_bytes", "Disk space taken by the store.", status.store.disk_bytes);
  set("store_quota_bytes", "Disk space the store may take.", status.quota_bytes);
  set("held_groups", "Groups this node has promised to keep.", status.held_groups);
  set("memory_used_bytes", "Block bytes on their way through the node.", status.memory_used);
  set("disk_free_bytes", "Free space of the disk below data.dir.", status.disk_free);
  set("lost_blocks", "Blocks of held groups that are absent or damaged here.", status.lost_blocks);
  set("incomplete_groups", "Own groups with fewer holders than asked for.",
      status.incomplete_groups);
  set("moving_blocks", "Blocks of another store that are still to be copied to the live one.",
      status.move ? status.move->progress.blocks - status.move->progress.copied : 0);
  set("advice", "Things that a person should do; l2p status names them.", status.advice.size());
  set("start_time_seconds", "When the node was started, in seconds since 1970.",
      static_cast<uint64_t>(absl::ToUnixSeconds(status.started)));
  return parts_->metrics.Render();
}

std::vector<KernelNode::ActivePlugin> KernelNode::ActivePlugins() const {
  std::vector<ActivePlugin> plugins = parts_->active;
  Role role_of_store = Role::kLive;
  for (const StoreSlot::Instance& each : parts_->store->Instances()) {
    plugins.push_back({BlockStore::kKind, each.plugin, each.version, each.settings, role_of_store});
    role_of_store = Role::kMovesAway;
  }
  const auto add = [&](const std::vector<Slots::Slot>& slots, Role role) {
    for (const Slots::Slot& slot : slots) {
      plugins.push_back({slot.kind, slot.plugin, slot.version, slot.settings, role});
    }
  };
  add(parts_->slots->List(), Role::kLive);
  add(parts_->slots->Verifying(), Role::kVerifies);
  return plugins;
}

Slots& KernelNode::slots() { return *parts_->slots; }

absl::Status KernelNode::Follow(const NodeConfig& newer) {
  L2P_RETURN_IF_ERROR(newer.CheckPluginNames(parts_->plugins));
  L2P_RETURN_IF_ERROR(parts_->slots->Follow(newer));
  std::vector<std::string> later = parts_->config.Differences(newer);
  std::erase_if(later, [](const std::string& key) {
    return key.starts_with("chunking.") || key.starts_with("hashing.");
  });
  if (!later.empty()) {
    parts_->runtime.Log(Severity::kWarning, "kernel",
                        absl::StrCat("edited settings that count from the next start: ",
                                     absl::StrJoin(later, ", ")));
  }
  return absl::OkStatus();
}

GarbageCollector& KernelNode::collector() { return *parts_->collector; }
PeerScores& KernelNode::scores() { return *parts_->scores; }

absl::StatusOr<Health> KernelNode::CheckHealth(const Cid& id) {
  Parts& node = *parts_;
  return l2p::CheckHealth({node.runtime, node.router, *node.content_messenger, *node.crypto,
                           *node.holdings, *node.exchange},
                          id, node.runtime.Now() + kHealthLimit);
}

Content& KernelNode::content() { return *parts_->content; }
Network& KernelNode::network() { return *parts_->network; }
Memory& KernelNode::memory() { return parts_->memory; }
Runtime& KernelNode::runtime() { return parts_->runtime; }
const NodeConfig& KernelNode::config() const { return parts_->config; }
const PluginRegistry& KernelNode::plugins() const { return parts_->plugins; }
const Crypto& KernelNode::crypto() const { return *parts_->crypto; }
const Hashers& KernelNode::hashers() const { return parts_->hashers; }

}  // namespace l2p
