// l2p-check-plugin [--plugins DIR] [--real] [--limit SEC] FILE.so
//
// Tells the author of a plugin what is wrong with it: compares its descriptor field by field with
// what a node wants, then runs the conformance suite of its kind, each case in a process of its
// own, so that a crash or a hang is a failed case like others. Exit 0: all passed.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "bare_host.h"
#include "kernel/runtime/real_runtime.h"
#include "l2p/plugin_file.h"
#include "l2p/testkit/block_store_conformance.h"
#include "l2p/testkit/chunker_conformance.h"
#include "l2p/testkit/crypto_conformance.h"
#include "l2p/testkit/hasher_conformance.h"
#include "l2p/testkit/router_conformance.h"
#include "l2p/testkit/service_conformance.h"
#include "l2p/testkit/transport_conformance.h"
#include "l2p/testkit/worlds.h"

namespace l2p::testkit {
namespace {

constexpr char kUsage[] =
    "usage: l2p-check-plugin [--plugins DIR] [--real] [--limit SEC] FILE.so\n"
    "  --plugins DIR  where the crypto plugin is, for all other kinds (DIR/crypto/*.so)\n"
    "  --real         run a storage plugin in a real folder instead of the simulated disk (always\n"
    "                 when it answers Unimplemented there)\n"
    "  --limit SEC    time limit of each case (default 120)\n";

// The "case" of the checks that precede the suite.
constexpr char kDescriptor[] = "descriptor";

struct Options {
  std::string file;
  std::string plugins;
  bool real = false;
  int limit = 120;
  std::string only;    // The one case to run in this process (used by the program itself).
  std::string folder;  // For the runtimes of that case.
};

absl::StatusOr<Options> Parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--real") {
      options.real = true;
    } else if (word == "--plugins" && i + 1 < argc) {
      options.plugins = argv[++i];
    } else if (word == "--limit" && i + 1 < argc) {
      options.limit = std::max(1, std::atoi(argv[++i]));
    } else if (word == "--case" && i + 1 < argc) {
      options.only = argv[++i];
    } else if (word == "--folder" && i + 1 < argc) {
      options.folder = argv[++i];
    } else if (word.substr(0, 1) == "-" || !options.file.empty()) {
      return absl::InvalidArgumentError(absl::StrCat("unknown argument ", argv[i]));
    } else {
      options.file = word;
    }
  }
  if (options.file.empty()) return absl::InvalidArgumentError("no plugin file given");
  return options;
}

// Real runtimes below the folder of this process's case.
RuntimesFactory RealRuntimes(const std::string& folder) {
  return [folder, worlds = std::make_shared<int>(0)]() -> RuntimeFactory {
    const std::string world = absl::StrCat(folder, "/world", ++*worlds);
    return [world](size_t i) -> std::unique_ptr<Runtime> {
      RealRuntime::Options options;
      options.data_dir = absl::StrCat(world, "-node", i);
      options.log_level = Severity::kError;
      absl::StatusOr<std::unique_ptr<RealRuntime>> runtime = RealRuntime::Open(options);
      if (runtime.ok()) return std::move(*runtime);
      std::fprintf(stderr, "%s\n", runtime.status().ToString().c_str());
      std::exit(2);
    };
  };
}

// The simulated disk, unless the store says that it cannot run there: then a real folder. Tried
// when the first World is made, in the case's own process.
WorldFactory SimulatedIfItCan(const PluginDescriptor& plugin, const WorldFactory& simulated,
                              const HostFactory& hosts, const RuntimesFactory& real) {
  return [&plugin, simulated, in_folders = RealWorlds(real, hosts)] {
    const std::unique_ptr<World> probe = simulated();
    const absl::Status opened =
        probe->Run([&] { return FactoryOf<BlockStore>(plugin)(probe->host(0)).status(); });
    return absl::IsUnimplemented(opened) ? in_folders() : simulated();
  };
}

absl::StatusOr<std::vector<ConformanceCase>> CasesOf(const PluginDescriptor& plugin,
                                                     const Options& options) {
  const std::string_view kind = plugin.kind;
  const RuntimesFactory real = RealRuntimes(options.folder);
  const WorldFactory bare = SimWorlds(BareHosts(nullptr));
  if (kind == Crypto::kKind) return CryptoConformance(FactoryOf<Crypto>(plugin), bare);
  const std::unique_ptr<World> place = bare();
  L2P_ASSIGN_OR_RETURN(
      const std::shared_ptr<const Crypto> crypto,
      OpenCrypto(options.plugins.empty() ? PluginFolders() : std::vector{options.plugins},
                 place->host(0)));
  const HostFactory hosts = BareHosts(crypto);
  const WorldFactory simulated = SimWorlds(hosts);
  if (kind == Hasher::kKind) return HasherConformance(FactoryOf<Hasher>(plugin), simulated);
  if (kind == Chunker::kKind) return ChunkerConformance(FactoryOf<Chunker>(plugin), simulated);
  if (kind == BlockStore::kKind) {
    return BlockStoreConformance(
        FactoryOf<BlockStore>(plugin),
        options.real ? RealWorlds(real, hosts) : SimulatedIfItCan(plugin, simulated, hosts, real));
  }
  if (kind == Router::kKind) return RouterConformance(FactoryOf<Router>(plugin), hosts);
  if (kind == Service::kKind) return ServiceConformance(FactoryOf<Service>(plugin), hosts);
  return TransportConformance(FactoryOf<Transport>(plugin), RealWorlds(real, hosts));
}

// Everything wrong with the descriptor that can be seen without running the factory.
absl::StatusOr<const PluginDescriptor*> CheckDescriptor(const Options& options) {
  L2P_ASSIGN_OR_RETURN(const PluginDescriptor* const plugin, OpenPluginFile(options.file));
  for (const SettingSpec& spec : std::span(plugin->settings, plugin->settings_count)) {
    if (*spec.help == '\0') {
      return absl::FailedPreconditionError(absl::StrCat("setting ", spec.name, ": no help"));
    }
  }
  const absl::Status defaults =
      Settings::Make(std::span(plugin->settings, plugin->settings_count), {}).status();
  if (!defaults.ok()) return WithContext(defaults, "the defaults of the settings");
  return plugin;
}

// In the child: 0 passed, 1 failed (why is on stdout).
[[noreturn]] void EndCase(const absl::Status& status) {
  if (!status.ok()) std::printf("%s", std::string(status.message()).c_str());
  std::fflush(stdout);
  // Without destructors of statics: a plugin's threads may still run.
  _exit(status.ok() ? 0 : 1);
}

[[noreturn]] void RunOne(const Options& options) {
  const absl::StatusOr<const PluginDescriptor*> plugin = CheckDescriptor(options);
  if (options.only == kDescriptor || !plugin.ok()) EndCase(plugin.status());
  const absl::StatusOr<std::vector<ConformanceCase>> cases = CasesOf(**plugin, options);
  if (!cases.ok()) EndCase(cases.status());
  for (const ConformanceCase& one : *cases) {
    if (one.name == options.only) EndCase(one.run());
  }
  EndCase(absl::NotFoundError("there is no such case"));
}

struct Outcome {
  bool passed = false;
  std::string why;
};

[[noreturn]] void BecomeCase(const Options& options, const std::string& name,
                             const std::string& folder, int out) {
  dup2(out, STDOUT_FILENO);
  std::vector<std::string> words = {"l2p-check-plugin", "--case", name, "--folder", folder};
  if (options.real) words.push_back("--real");
  if (!options.plugins.empty()) words.insert(words.end(), {"--plugins", options.plugins});
  words.push_back(options.file);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  execv("/proc/self/exe", argv.data());
  _exit(127);
}

// Appends what is there, up to a length that is worth reading; false at the end.
bool ReadPart(int fd, std::string& text) {
  constexpr size_t kMostText = 64 * 1024;
  char part[4096];
  const ssize_t got = read(fd, part, sizeof part);
  if (got > 0 && text.size() < kMostText) text.append(part, got);
  return got > 0;
}

// Collects what the child says until it ends; false when the time is over before. Its end counts,
// not that of its output: a plugin may close that, or leave it to a process of its own.
bool ReadToTheEnd(int child, int out, std::chrono::steady_clock::time_point deadline,
                  std::string& text) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    pollfd entries[] = {{child, POLLIN, 0}, {out, POLLIN, 0}};
    if (left.count() <= 0 || poll(entries, 2, static_cast<int>(left.count())) <= 0) return false;
    const bool ended = entries[0].revents != 0;
    const bool said = entries[1].revents != 0;
    if (said && !ReadPart(out, text)) out = -1;
    if (ended && !said) return true;
  }
}

Outcome RunInChild(const Options& options, const std::string& name) {
  std::string folder = (std::filesystem::temp_directory_path() / "l2p-check-XXXXXX").string();
  int pipe_ends[2];
  if (mkdtemp(folder.data()) == nullptr || pipe2(pipe_ends, O_CLOEXEC) != 0) {
    return {false, absl::StrCat("cannot start a process: ", std::strerror(errno))};
  }
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) BecomeCase(options, name, folder, pipe_ends[1]);
  close(pipe_ends[1]);
  Outcome outcome;
  // Not pidfd_open(): the header of glibc 2.36 forgets that it is a C function.
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  const bool in_time = ReadToTheEnd(
      handle, pipe_ends[0], std::chrono::steady_clock::now() + std::chrono::seconds(options.limit),
      outcome.why);
  close(handle);
  close(pipe_ends[0]);
  if (!in_time) kill(child, SIGKILL);
  int state = 0;
  waitpid(child, &state, 0);
  std::error_code ignored;
  std::filesystem::remove_all(folder, ignored);
  if (!in_time) return {false, absl::StrCat("hangs: no end after ", options.limit, " s")};
  if (WIFSIGNALED(state)) {
    return {false, absl::StrCat("crashed: ", strsignal(WTERMSIG(state)))};
  }
  outcome.passed = WIFEXITED(state) && WEXITSTATUS(state) == 0;
  if (!outcome.passed && outcome.why.empty()) {
    outcome.why = absl::StrCat("ended with exit code ", WEXITSTATUS(state));
  }
  return outcome;
}

bool Report(const std::string& name, const Outcome& outcome) {
  std::printf("%s  %s%s%s\n", outcome.passed ? "pass" : "FAIL", name.c_str(),
              outcome.passed ? "" : ": ", outcome.passed ? "" : outcome.why.c_str());
  return outcome.passed;
}

int Check(const Options& options) {
  // In a child first: static constructors run when the file is loaded.
  if (const Outcome loaded = RunInChild(options, kDescriptor); !loaded.passed) {
    Report(kDescriptor, loaded);
    return 1;
  }
  const absl::StatusOr<const PluginDescriptor*> plugin = CheckDescriptor(options);
  const absl::StatusOr<std::vector<ConformanceCase>> cases =
      plugin.ok() ? CasesOf(**plugin, options) : plugin.status();
  if (!cases.ok()) {
    std::fprintf(stderr, "l2p-check-plugin: %s\n", std::string(cases.status().message()).c_str());
    return 1;
  }
  std::printf("pass  descriptor: %s %s %s\n", (*plugin)->kind, (*plugin)->name, (*plugin)->version);
  size_t failed = 0;
  for (const ConformanceCase& one : *cases) {
    failed += !Report(one.name, RunInChild(options, one.name));
  }
  std::printf("%zu of %zu cases passed\n", cases->size() - failed, cases->size());
  return failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace l2p::testkit

int main(int argc, char** argv) {
  const absl::StatusOr<l2p::testkit::Options> options = l2p::testkit::Parse(argc, argv);
  if (!options.ok()) {
    std::fprintf(stderr, "l2p-check-plugin: %s\n%s",
                 std::string(options.status().message()).c_str(), l2p::testkit::kUsage);
    return 2;
  }
  if (!options->only.empty()) l2p::testkit::RunOne(*options);
  return l2p::testkit::Check(*options);
}
