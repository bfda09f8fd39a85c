#include "experiment.h"

#include <sys/resource.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "bare_host.h"
#include "l2p/testkit/worlds.h"
#include "lookup_watch.h"
#include "population.h"

namespace l2p::testkit {
namespace {

// Nearest peers that must have answered before the closest counts as found.
constexpr size_t kEnoughToFind = 3;
// So many start before newcomers do.
constexpr size_t kFewest = 20;
constexpr Duration kLookupLimit = absl::Minutes(1);
constexpr size_t kAllOfTable = 1 << 20;
// Tables looked into for the share of stale entries.
constexpr size_t kTablesSampled = 1000;

// What `tcp` puts on the wire beside the messages of routing. A dial, as the system counted it for
// two nodes on loopback: 1,376 and 1,331 bytes (TLS, multistream, yamux, identify both ways) in 10
// and 7 segments, then three segments each to close, of 52 bytes of headers. A request: two
// segments each way, TLS records, yamux headers, and multistream's names of 37 bytes.
constexpr SimMessengers::Costs kTcpCosts = {
    .request = 280, .answer = 240, .dial = 2060, .accept = 1860, .no_dial = 180};

enum class Purpose { kFind, kPlace, kGet };
constexpr const char* kPurposeNames[] = {"find", "place", "get"};

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

double PeakMib() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

// In a /16 and a /24 of its own, for the first 10,240 and 2.6 million nodes.
std::string PublicIp(size_t i) {
  constexpr size_t kFirstOctets = 40;  // From 128 on; 169, 172 and 192 are not reached.
  return absl::StrCat(128 + i % kFirstOctets, ".", i / kFirstOctets % 256, ".",
                      i / kFirstOctets / 256 % 256, ".7");
}

RoutingWorld::Options WorldOptions(const Settings& scenario, uint64_t seed) {
  RoutingWorld::Options options;
  options.network.seed = seed;
  options.network.latency = scenario.GetDuration("latency") / 2;
  options.network.latency_sigma =
      static_cast<double>(scenario.Integer("latency_sigma_percent")) / 100;
  options.messages.costs = kTcpCosts;
  if (scenario.Boolean("public")) options.ip = PublicIp;
  return options;
}

// One run of a scenario, in a task of the simulation.
class Experiment {
 public:
  Experiment(Simulation& simulation, const Scenario& scenario, Factory<Router> routers,
             HostFactory hosts, uint64_t seed)
      : simulation_(simulation),
        scenario_(scenario.settings),
        world_(simulation, std::move(routers), std::move(hosts),
               WorldOptions(scenario.settings, seed)),
        watch_(world_),
        population_(world_, scenario_) {
    world_.messengers().SetObserver(&watch_);
  }

  ~Experiment() { world_.messengers().SetObserver(nullptr); }

  absl::Status Run() {
    const Moment begin = ThisMoment();
    const auto nodes = static_cast<size_t>(scenario_.Integer("nodes"));
    const size_t newcomers =
        nodes * static_cast<size_t>(scenario_.Integer("newcomers_percent")) / 100;
    const size_t first = std::max(nodes - newcomers, std::min(nodes, kFewest));
    L2P_RETURN_IF_ERROR(population_.Grow(first, scenario_.GetDuration("join")));
    simulation_.Sleep(std::max(scenario_.GetDuration("settle"), Population::kSettled));
    figures_.machine.forming_node_hours_per_second = NodeHoursPerSecond(begin);
    WatchIdle();
    figures_.tables_before = Tables();
    L2P_RETURN_IF_ERROR(AnnounceMany());
    population_.ChooseVictims();
    L2P_RETURN_IF_ERROR(AnnounceTheWanted());
    population_.Befall();
    if (newcomers > 0) simulation_.Start("newcomers", [this, nodes] { Newcomers(nodes); });
    Measure();
    figures_.tables_after = Tables();
    figures_.nodes = population_.running();
    figures_.machine.cpu_seconds = CpuSeconds() - begin.cpu_seconds;
    figures_.machine.peak_mib = PeakMib();
    figures_.machine.node_hours_per_second = NodeHoursPerSecond(begin);
    L2P_RETURN_IF_ERROR(population_.End());
    return trouble_;
  }

  Figures TakeFigures() { return std::move(figures_); }

 private:
  struct Sample {
    Purpose purpose;
    bool warm;
    size_t number;
  };
  struct Wanted {
    Multihash key;
    size_t provider;
  };

  struct Moment {
    Time time;
    double cpu_seconds;
  };

  Moment ThisMoment() const { return {simulation_.Now(), CpuSeconds()}; }

  // Since `begin`; as if all nodes of now had been there.
  double NodeHoursPerSecond(const Moment& begin) const {
    return absl::ToDoubleHours(simulation_.Now() - begin.time) *
           static_cast<double>(population_.running()) / (CpuSeconds() - begin.cpu_seconds);
  }

  Multihash RandomKey() {
    Sha256Digest digest;
    simulation_.Random(digest);
    return *Multihash::FromDigest(HashCode::kSha2_256, digest);
  }

  void WatchIdle() {
    const Duration idle = scenario_.GetDuration("idle");
    if (idle <= absl::ZeroDuration()) return;
    const Moment begin = ThisMoment();
    const SimNetwork::Traffic before = world_.network().total();
    const uint64_t requests = watch_.requests();
    simulation_.Sleep(idle);
    const SimNetwork::Traffic after = world_.network().total();
    IdleFigures figures;
    figures.node_hours = absl::ToDoubleHours(idle) * static_cast<double>(population_.running());
    const auto each = [&](uint64_t total) {
      return static_cast<double>(total) / figures.node_hours;
    };
    figures.requests = each(watch_.requests() - requests);
    figures.dials = each(after.dials - before.dials);
    figures.bytes = each(after.bytes_in + after.bytes_out - before.bytes_in - before.bytes_out);
    figures_.idle = figures;
    figures_.machine.idle_node_hours_per_second = NodeHoursPerSecond(begin);
  }

  TableFigures Tables() {
    TableFigures figures;
    size_t tables = 0, entries = 0, stale = 0;
    const size_t step = std::max<size_t>(world_.size() / kTablesSampled, 1);
    for (size_t i = 0; i < world_.size(); i += step) {
      if (!world_.runs(i)) continue;
      ++tables;
      for (const PeerInfo& peer : world_.router(i).Known(kAllOfTable)) {
        const std::optional<size_t> node = world_.NodeOf(peer.id.binary());
        ++entries;
        if (!node || !world_.runs(*node) || !world_.network().Reaches(i, *node)) ++stale;
      }
    }
    if (tables > 0) figures.mean_size = static_cast<double>(entries) / static_cast<double>(tables);
    if (entries > 0) {
      figures.stale_share = static_cast<double>(stale) / static_cast<double>(entries);
    }
    return figures;
  }

  absl::Status AnnounceMany() {
    const auto ids = static_cast<size_t>(scenario_.Integer("announce"));
    if (ids == 0) return absl::OkStatus();
    std::vector<Multihash> keys;
    std::set<std::string> texts;
    for (size_t i = 0; i < ids; ++i) {
      keys.push_back(RandomKey());
      texts.insert(keys.back().bytes());
    }
    const size_t node = population_.TakeRandom();
    watch_.BeginSweep(node, std::move(texts));
    const Time begin = simulation_.Now();
    const absl::Status status = world_.router(node).Provide(keys, world_.In(absl::Hours(4)));
    figures_.announce = {.ids = ids,
                         .lookups = watch_.EndSweep(),
                         .seconds = absl::ToDoubleSeconds(simulation_.Now() - begin)};
    population_.Release(node);
    return WithContext(status, "announce");
  }

  // Each from a node of its own, a hundred at a time.
  absl::Status AnnounceTheWanted() {
    size_t running = 0;
    for (int64_t i = 0; i < scenario_.Integer("get"); ++i) {
      while (running >= 100) simulation_.Sleep(absl::Milliseconds(100));
      wanted_.push_back({RandomKey(), population_.TakeRandom()});
      ++running;
      simulation_.Start("announce", [this, wanted = wanted_.back(), &running] {
        const std::vector<Multihash> keys = {wanted.key};
        Note(world_.router(wanted.provider).Provide(keys, world_.In(kLookupLimit)));
        population_.Release(wanted.provider);
        --running;
      });
    }
    while (running > 0) simulation_.Sleep(absl::Milliseconds(100));
    return absl::OkStatus();
  }

  void Newcomers(size_t nodes) {
    ++running_;
    const size_t missing = nodes - std::min(nodes, population_.running());
    const Duration over = scenario_.GetDuration("newcomers_over");
    if (missing > 0) Note(population_.Grow(nodes, over / static_cast<int64_t>(missing)));
    --running_;
  }

  std::vector<Sample> Plan() {
    std::vector<Sample> plan;
    for (const Purpose purpose : {Purpose::kFind, Purpose::kPlace, Purpose::kGet}) {
      const int64_t count = scenario_.Integer(kPurposeNames[static_cast<size_t>(purpose)]);
      for (int64_t i = 0; i < 2 * count; ++i) {
        plan.push_back({purpose, i % 2 == 0, static_cast<size_t>(i / 2)});
      }
    }
    for (const Sample& sample : plan) RowOf(sample);  // In this order.
    for (size_t i = plan.size(); i > 1; --i) {
      std::swap(plan[i - 1], plan[simulation_.Random() % i]);
    }
    return plan;
  }

  // Cold lookups find hardly a connection of another, as they are spread over this time.
  void Measure() {
    const std::vector<Sample> plan = Plan();
    const Time begin = simulation_.Now();
    const Duration over = scenario_.GetDuration("measure");
    for (size_t i = 0; i < plan.size(); ++i) {
      const Time due = begin + over * (static_cast<double>(i) / static_cast<double>(plan.size()));
      if (due > simulation_.Now()) simulation_.Sleep(due - simulation_.Now());
      const size_t asking = population_.TakeRandom();
      ++running_;
      simulation_.Start("lookup", [this, sample = plan[i], asking] {
        Look(sample, asking);
        population_.Release(asking);
        --running_;
      });
    }
    if (begin + over > simulation_.Now()) simulation_.Sleep(begin + over - simulation_.Now());
    while (running_ > 0) simulation_.Sleep(absl::Milliseconds(100));
    for (LookupRow& row : figures_.rows) {
      std::sort(row.latencies_ms.begin(), row.latencies_ms.end());
    }
  }

  LookupRow& RowOf(const Sample& sample) {
    const std::string what = kPurposeNames[static_cast<size_t>(sample.purpose)];
    for (LookupRow& row : figures_.rows) {
      if (row.what == what && row.warm == sample.warm) return row;
    }
    figures_.rows.push_back({.what = what, .warm = sample.warm, .latencies_ms = {}});
    return figures_.rows.back();
  }

  void Look(const Sample& sample, size_t asking) {
    const bool gets = sample.purpose == Purpose::kGet;
    const Multihash key = gets ? wanted_[sample.number].key : RandomKey();
    const auto place_peers = static_cast<size_t>(scenario_.Integer("place_peers"));
    const size_t n = sample.purpose == Purpose::kPlace ? place_peers : kEnoughToFind;
    const std::vector<size_t> closest =
        world_.Closest(key.binary(), n, [&](size_t i) { return population_.Counts(i, asking); });
    if (closest.empty() || (gets && wanted_[sample.number].provider == asking)) {
      ++figures_.abandoned;
      return;
    }
    world_.messengers().SetWarm(asking, sample.warm);
    watch_.Begin(asking, key.bytes(), closest[0]);
    const Time begin = simulation_.Now();
    const std::vector<size_t> found = gets ? FindProvider(asking, key) : Find(asking, key, n);
    const Duration took = simulation_.Now() - begin;
    const LookupCost cost = watch_.End(asking);
    world_.messengers().SetWarm(asking, false);
    const size_t goal = gets ? wanted_[sample.number].provider : closest[0];
    if (!population_.Counts(goal, asking)) {
      ++figures_.abandoned;
      return;
    }
    const auto is_found = [&](size_t i) {
      return std::find(found.begin(), found.end(), i) != found.end();
    };
    LookupRow& row = RowOf(sample);
    ++row.lookups;
    row.succeeded += is_found(goal) ? 1 : 0;
    row.latencies_ms.push_back(absl::ToDoubleMilliseconds(took));
    row.requests += cost.requests;
    row.bytes += cost.bytes;
    if (cost.hops) {
      ++row.with_hops;
      row.hops += *cost.hops;
    }
    if (gets) return;
    for (const size_t i : closest) {
      if (!population_.Counts(i, asking)) continue;
      ++row.wanted;
      row.recalled += is_found(i) ? 1 : 0;
    }
  }

  std::vector<size_t> Find(size_t asking, const Multihash& key, size_t n) {
    const absl::StatusOr<std::vector<PeerInfo>> found =
        world_.router(asking).ClosestPeers(key, n, world_.In(kLookupLimit));
    std::vector<size_t> nodes;
    if (!found.ok()) return nodes;
    for (const PeerInfo& peer : *found) {
      if (const std::optional<size_t> i = world_.NodeOf(peer.id.binary())) nodes.push_back(*i);
    }
    return nodes;
  }

  std::vector<size_t> FindProvider(size_t asking, const Multihash& key) {
    const Time deadline = world_.In(kLookupLimit);
    const auto query = world_.router(asking).FindProviders(key, 1, deadline);
    if (!query.ok()) return {};
    const auto provider = (*query)->Next(deadline);
    if (!provider.ok() || !*provider) return {};
    const std::optional<size_t> node = world_.NodeOf((*provider)->id.binary());
    return node ? std::vector{*node} : std::vector<size_t>();
  }

  void Note(const absl::Status& status) { trouble_.Update(status); }

  Simulation& simulation_;
  const Settings& scenario_;
  RoutingWorld world_;
  LookupWatch watch_;
  Population population_;
  std::vector<Wanted> wanted_;
  size_t running_ = 0;
  absl::Status trouble_;
  Figures figures_;
};

std::map<std::string, std::string> SettingsOf(const Scenario& scenario,
                                              const PluginDescriptor& plugin) {
  const auto found = scenario.plugin_settings.find(plugin.name);
  return found == scenario.plugin_settings.end() ? std::map<std::string, std::string>()
                                                 : found->second;
}

}  // namespace

double LookupRow::Percentile(double share) const {
  if (latencies_ms.empty()) return 0;
  const auto rank = static_cast<size_t>(std::ceil(share * static_cast<double>(lookups)));
  return latencies_ms[std::clamp<size_t>(rank, 1, latencies_ms.size()) - 1];
}

absl::StatusOr<Figures> RunExperiment(const Scenario& scenario, uint64_t seed,
                                      const PluginDescriptor& plugin,
                                      std::shared_ptr<const Crypto> crypto) {
  SimulationOptions options;
  options.longest_run = absl::Hours(24 * 365);
  Simulation simulation(seed, options);
  absl::Status status;
  Figures figures;
  simulation.Run([&] {
    Experiment experiment(simulation, scenario,
                          FactoryOf<Router>(plugin, SettingsOf(scenario, plugin)),
                          BareHosts(std::move(crypto)), seed);
    status = experiment.Run();
    figures = experiment.TakeFigures();
    figures.trace = absl::StrCat(absl::Hex(simulation.trace_hash(), absl::kZeroPad16));
  });
  if (!status.ok()) return status;
  figures.plugin = absl::StrCat(plugin.name, " ", plugin.version);
  return figures;
}

}  // namespace l2p::testkit
