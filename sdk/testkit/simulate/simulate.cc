// l2p-simulate SCENARIO [--routing FILE.so]... [--nodes N] [--seed S] [--json] [--svg FILE]
//
// Runs built routing plugins in a simulated network and prints what their lookups take. Exit 0: it
// ran; 1: it did not; 2: it was called in a way that makes no sense.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "bare_host.h"
#include "experiment.h"
#include "l2p/plugin_file.h"
#include "l2p/router.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/sim_runtime.h"
#include "report.h"

namespace l2p::testkit {
namespace {

constexpr char kUsage[] =
    "usage: l2p-simulate SCENARIO [--routing FILE.so]... [--nodes N] [--seed S] [--json]\n"
    "                    [--svg FILE]\n"
    "  SCENARIO           a file, or one of calm, home, churn, datacentre, dead20, liars20,\n"
    "                     flash, partition, growth\n"
    "  --routing FILE.so  the routing plugin (default: kademlia); several are compared\n"
    "  --nodes N          instead of the scenario's own number\n"
    "  --seed S           of all that is left to chance (default 1)\n"
    "  --json             print one JSON object; what depends on the machine is in \"machine\"\n"
    "  --svg FILE         draw how long the lookups took\n";

struct Options {
  std::string scenario;
  std::vector<std::string> plugins;
  std::string nodes;
  uint64_t seed = 1;
  bool json = false;
  std::string svg;
};

absl::Status Take(std::string_view word, const char* value, Options& options) {
  if (word == "--json") {
    options.json = true;
  } else if (word.substr(0, 1) != "-" && options.scenario.empty()) {
    options.scenario = word;
  } else if (word != "--routing" && word != "--nodes" && word != "--seed" && word != "--svg") {
    return absl::InvalidArgumentError(absl::StrCat("unknown argument ", av(word)));
  } else if (value == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat(av(word), ": a value is missing"));
  } else if (word == "--routing") {
    options.plugins.push_back(value);
  } else if (word == "--nodes") {
    options.nodes = value;
  } else if (word == "--svg") {
    options.svg = value;
  } else if (!absl::SimpleAtoi(value, &options.seed)) {
    return absl::InvalidArgumentError(absl::StrCat("--seed ", value, ": no number"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Options> Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const bool has_value =
        std::string_view(argv[i]).starts_with("--") && std::string_view(argv[i]) != "--json";
    L2P_RETURN_IF_ERROR(Take(argv[i], i + 1 < argc ? argv[i + 1] : nullptr, options));
    if (has_value) ++i;
  }
  if (options.scenario.empty()) return absl::InvalidArgumentError("no scenario given");
  return options;
}

// Beside a build's or an installation's programs.
std::vector<std::string> ScenarioFolders() {
  const std::filesystem::path here =
      std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path();
  return {here / "scenarios", here / "share" / "l2p" / "scenarios"};
}

absl::StatusOr<std::string> DefaultPlugin() {
  for (const std::string& folder : PluginFolders()) {
    const std::string file = folder + "/routing/kademlia.so";
    if (std::filesystem::exists(file)) return file;
  }
  return absl::NotFoundError(absl::StrCat("no routing/kademlia.so in ",
                                          absl::StrJoin(PluginFolders(), " or "),
                                          "; name a plugin with --routing"));
}

absl::StatusOr<Scenario> Load(const Options& options) {
  L2P_ASSIGN_OR_RETURN(Scenario scenario, LoadScenario(options.scenario, ScenarioFolders()));
  if (options.nodes.empty()) return scenario;
  std::map<std::string, std::string> values = scenario.settings.values();
  values["nodes"] = options.nodes;
  absl::StatusOr<Settings> settings = Settings::Make(ScenarioKeys(), values);
  if (!settings.ok()) return WithContext(settings.status(), "--nodes");
  scenario.settings = *std::move(settings);
  return scenario;
}

absl::StatusOr<Figures> RunPlugin(const std::string& file, const Scenario& scenario, uint64_t seed,
                                  const std::shared_ptr<const Crypto>& crypto) {
  L2P_ASSIGN_OR_RETURN(const PluginDescriptor* const plugin,
                       OpenPluginFile(std::filesystem::absolute(file).string()));
  if (std::string_view(plugin->kind) != Router::kKind) {
    return absl::InvalidArgumentError(
        absl::StrCat(file, ": a plugin for ", plugin->kind, ", not for routing"));
  }
  std::ifstream in(file, std::ios::binary);
  std::ostringstream bytes;
  bytes << in.rdbuf();
  const std::string code = bytes.str();
  const ByteView part = AsBytes(code);
  const Sha256Digest digest = crypto->Sha256({&part, 1});
  absl::StatusOr<Figures> figures = RunExperiment(scenario, seed, *plugin, crypto);
  if (!figures.ok()) return WithContext(figures.status(), file);
  figures->file = file;
  figures->digest = absl::BytesToHexString(av(AsText(ByteView(digest))));
  return figures;
}

absl::Status Save(const std::string& file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) return absl::UnavailableError(absl::StrCat(file, ": cannot be written"));
  return absl::OkStatus();
}

absl::Status Simulate(const Options& options, const Scenario& scenario) {
  std::vector<std::string> plugins = options.plugins;
  if (plugins.empty()) {
    L2P_ASSIGN_OR_RETURN(std::string kademlia, DefaultPlugin());
    plugins.push_back(std::move(kademlia));
  }
  Simulation simulation(options.seed);
  MemoryDisk disk;
  SimRuntime runtime(simulation, disk, "crypto");
  const std::unique_ptr<Host> host = BareHosts(nullptr)(runtime, 0);
  L2P_ASSIGN_OR_RETURN(const std::shared_ptr<const Crypto> crypto,
                       OpenCrypto(PluginFolders(), *host));
  Report report{.scenario = scenario.name, .seed = options.seed, .plugins = {}};
  for (const std::string& file : plugins) {
    L2P_ASSIGN_OR_RETURN(Figures figures, RunPlugin(file, scenario, options.seed, crypto));
    report.plugins.push_back(std::move(figures));
  }
  if (!options.svg.empty()) L2P_RETURN_IF_ERROR(Save(options.svg, AsSvg(report)));
  const std::string text = options.json ? AsJson(report) : AsTable(report);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return absl::OkStatus();
}

int Complain(const absl::Status& status, int exit_code) {
  std::fprintf(stderr, "l2p-simulate: %s\n%s", std::string(status.message()).c_str(),
               exit_code == 2 ? kUsage : "");
  return exit_code;
}

}  // namespace
}  // namespace l2p::testkit

int main(int argc, char** argv) {
  using namespace l2p::testkit;
  const absl::StatusOr<Options> options = Parse(argc, argv);
  if (!options.ok()) return Complain(options.status(), 2);
  const absl::StatusOr<Scenario> scenario = Load(*options);
  if (!scenario.ok()) return Complain(scenario.status(), 2);
  const absl::Status status = Simulate(*options, *scenario);
  return status.ok() ? 0 : Complain(status, 1);
}
