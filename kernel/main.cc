// l2pkernel: one node in one process.
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kernel/admin/admin_server.h"
#include "kernel/man_page.h"
#include "kernel/node.h"
#include "kernel/node_config.h"
#include "kernel/runtime/data_dir.h"
#include "kernel/runtime/real_runtime.h"
#include "kernel/runtime/thread.h"

namespace l2p {
namespace {

enum ExitCode { kDrained = 0, kFailed = 1, kBadSettings = 2 };

// What requests and the node get for their drain, and when the process gives up on it.
constexpr Duration kDrain = absl::Seconds(8);
constexpr Duration kHardLimit = absl::Seconds(10);

constexpr char kWhat[] =
    "Runs an l2p node until SIGTERM or SIGINT; a second one ends it at once.\n"
    "SIGHUP reads the files again; chunking and hashing follow at once.";

constexpr std::pair<const char*, const char*> kOptions[] = {
    {"-c, --config FILE",
     "settings that differ from the defaults; may be repeated, later ones win"},
    {"KEY=VALUE", "a setting, which wins over all files"},
    {"--help", "this text; --help=man: the manual page"},
    {"--version", "the version"},
};

constexpr std::pair<const char*, const char*> kExits[] = {
    {"0", "drained"},
    {"1", "failed"},
    {"2", "wrong usage or settings"},
};

struct Arguments {
  std::vector<std::string> files;
  std::vector<std::string> assignments;
  bool help = false;
  bool man_page = false;
  bool version = false;
};

absl::StatusOr<Arguments> ParseArguments(std::span<char* const> words) {
  Arguments arguments;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "-c" || word == "--config") {
      if (++i == words.size()) {
        return absl::InvalidArgumentError(absl::StrCat(av(word), " needs a file"));
      }
      arguments.files.emplace_back(words[i]);
    } else if (word == "--help" || word == "-h") {
      arguments.help = true;
    } else if (word == "--help=man") {
      arguments.man_page = true;
    } else if (word == "--version") {
      arguments.version = true;
    } else if (word.starts_with('-') || word.find('=') == word.npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("unknown argument '", av(word), "' (see --help)"));
    } else {
      arguments.assignments.emplace_back(word);
    }
  }
  return arguments;
}

// The folder above the one this program is in: of the build tree, or where it is installed.
std::filesystem::path Prefix() {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  return program.parent_path().parent_path();
}

std::string ShippedSettings() { return Prefix() / "share/l2p/node.properties"; }

void PrintHelp() {
  std::printf("usage: l2pkernel [-c FILE]... [KEY=VALUE]...\n%s\n\n", kWhat);
  for (const auto& [option, text] : kOptions) std::printf("  %-19s %s\n", option, text);
  std::printf("\nAll settings, with their defaults: %s\nExit status:", ShippedSettings().c_str());
  for (const auto& [status, text] : kExits) {
    std::printf("%s %s %s", status == kExits[0].first ? "" : ",", status, text);
  }
  std::printf(".\n");
}

std::string KernelManPage() {
  ManPage::Items settings;
  for (const SettingSpec& spec : NodeConfig::Schema()) {
    settings.emplace_back(
        absl::StrCat(spec.name, " = ", spec.fallback),
        absl::StrCat(spec.help,
                     *spec.allowed == '\0' ? "" : absl::StrCat(" (", spec.allowed, ")")));
  }
  return RenderManPage(
      {.name = "l2pkernel",
       .brief = "run a node of an l2p network",
       .forms = {"[-c FILE]... [KEY=VALUE]..."},
       .sections = {
           {.title = "DESCRIPTION", .text = kWhat},
           {.title = "OPTIONS", .text = "", .items = {std::begin(kOptions), std::end(kOptions)}},
           {.title = "SETTINGS",
            .text = "Those of the kernel, without those of plugins, which l2p settings shows.",
            .items = std::move(settings)},
           {.title = "EXIT STATUS", .text = "", .items = {std::begin(kExits), std::end(kExits)}},
           {.title = "SEE ALSO", .text = "l2p(1)"}}});
}

absl::StatusOr<NodeConfig> LoadConfig(const Arguments& arguments) {
  // The shipped settings come first, so that a file need only hold what differs.
  std::vector<std::string> files = {ShippedSettings()};
  files.insert(files.end(), arguments.files.begin(), arguments.files.end());
  std::vector<NodeConfig::Source> sources;
  for (const std::string& file : files) {
    std::ifstream in(file, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in) return ErrnoStatus(errno, absl::StrCat("read settings file ", file));
    sources.push_back({.name = file, .text = std::move(text)});
  }
  return NodeConfig::Parse(sources, arguments.assignments);
}

Severity LogLevel(const Settings& settings) {
  const std::string level = settings.Text("log.level");
  if (level == "debug") return Severity::kDebug;
  if (level == "info") return Severity::kInfo;
  return level == "warning" ? Severity::kWarning : Severity::kError;
}

absl::StatusOr<std::unique_ptr<RealRuntime>> OpenRuntime(const Settings& settings) {
  std::string data_dir = settings.Text("data.dir");
  if (data_dir.empty()) data_dir = DefaultDataDir();
  return RealRuntime::Open({.data_dir = data_dir,
                            .max_tasks = static_cast<size_t>(settings.Integer("node.tasks")),
                            .log_level = LogLevel(settings)});
}

PluginRegistry::Options PluginOptions(const NodeConfig& config, const RealRuntime& runtime) {
  std::vector<std::string> paths = config.settings().List("plugins.path");
  if (paths.empty()) paths = {Prefix() / "plugins", Prefix() / "lib/l2p/plugins"};
  return {.paths = std::move(paths), .copies = runtime.path() + "/plugins", .linked = {}};
}

AdminServer::Options AdminOptions(const Settings& settings, const RealRuntime& runtime) {
  std::string socket = settings.Text("admin.socket");
  if (socket.empty()) socket = runtime.path() + "/admin.sock";
  return {.listen = settings.Text("admin.listen"),
          .socket = std::move(socket),
          .dashboard = Prefix() / "share/l2p/dashboard",
          .token_file = runtime.path() + "/admin.token",
          .shutdown = [] { kill(getpid(), SIGTERM); }};
}

void BlockSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

// Waits for one of `signals` and returns it; 0 when `deadline` passes first. The system cuts a wait
// short when the process is stopped and continued, by a shell or a debugger.
int AwaitSignal(const sigset_t& signals, const Clock& clock, Time deadline) {
  for (;;) {
    const Duration left = std::clamp(deadline - clock.Now(), absl::ZeroDuration(), absl::Hours(1));
    const timespec limit = absl::ToTimespec(left);
    const int signal = sigtimedwait(&signals, nullptr, &limit);
    if (signal > 0) return signal;
    if (left == absl::ZeroDuration()) return 0;
  }
}

// What signals ask of main.
struct Wishes {
  explicit Wishes(const Clock& clock) : any(NewThreadEvent(clock)) {}
  const std::unique_ptr<Event> any;  // Set with each.
  std::atomic<bool> end = false;
  std::atomic<bool> reload = false;
};

// The first SIGTERM or SIGINT wishes the end. A second one, or a drain that hangs, ends the process
// at once, also while the node is still starting. SIGHUP wishes that edited settings are read. The
// thread lives as long as the process.
absl::Status WatchSignals(const Clock& clock, Wishes& wishes) {
  return StartThread("signals",
                     [&clock, &wishes] {
                       sigset_t ends;
                       sigemptyset(&ends);
                       sigaddset(&ends, SIGINT);
                       sigaddset(&ends, SIGTERM);
                       sigset_t all = ends;
                       sigaddset(&all, SIGHUP);
                       while (AwaitSignal(all, clock, absl::InfiniteFuture()) == SIGHUP) {
                         wishes.reload = true;
                         wishes.any->Set();
                       }
                       wishes.end = true;
                       wishes.any->Set();
                       if (AwaitSignal(ends, clock, clock.Now() + kHardLimit) == 0) {
                         std::fputs("l2pkernel: the node did not drain in time\n", stderr);
                       }
                       _exit(kFailed);
                     })
      .status();
}

// Reads the settings' files again, after SIGHUP.
void Reload(const Arguments& arguments, KernelNode& node) {
  absl::StatusOr<NodeConfig> config = LoadConfig(arguments);
  const absl::Status status = config.ok() ? node.Follow(*config) : config.status();
  node.runtime().Log(status.ok() ? Severity::kInfo : Severity::kError, "kernel",
                     status.ok() ? "settings read again"
                                 : absl::StrCat("settings read again, and not taken over: ",
                                                std::string(status.message())));
}

// Serves until the end is wished.
void Serve(const Arguments& arguments, KernelNode& node, Wishes& wishes) {
  while (!wishes.end) {
    wishes.any->Wait(absl::InfiniteFuture());
    wishes.any->Reset();
    if (wishes.reload.exchange(false)) Reload(arguments, node);
  }
}

// For scripts that start a node: one line on stdout, when it can be used.
void PrintReady(KernelNode& node, const AdminServer& admin) {
  const PeerInfo self = node.self();
  std::vector<std::string> listen;
  for (const Multiaddr& address : self.addresses) {
    listen.push_back(address.WithPeer(self.id).ToString());
  }
  const std::string line =
      absl::StrCat("ready peer=", self.id.ToString(), " listen=", absl::StrJoin(listen, ","),
                   " admin=", admin.url(), " socket=", admin.socket());
  std::puts(line.c_str());
  std::fflush(stdout);
}

absl::Status Run(const Arguments& arguments, const NodeConfig& config, RealRuntime& runtime,
                 PluginRegistry& plugins, Wishes& wishes) {
  L2P_RETURN_IF_ERROR(config.CheckPluginNames(plugins));
  L2P_ASSIGN_OR_RETURN(std::unique_ptr<KernelNode> node,
                       KernelNode::Open(runtime, config, plugins));
  L2P_RETURN_IF_ERROR(node->Start());
  auto admin = AdminServer::Start(AdminOptions(config.settings(), runtime), *node);
  if (admin.ok()) {
    PrintReady(*node, **admin);
    Serve(arguments, *node, wishes);
    runtime.Log(Severity::kInfo, "kernel", "draining");
    (*admin)->Stop(kDrain / 2);
  }
  node->Stop(runtime.Now() + kDrain / 2);
  return admin.status();
}

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "l2pkernel: %s\n", std::string(status.message()).c_str());
  const bool settings = absl::IsInvalidArgument(status) || absl::IsNotFound(status);
  return settings ? kBadSettings : kFailed;
}

void PrepareProcess() {
  BlockSignals();
  // Many threads with an arena each would keep several times the memory that is in use.
  mallopt(M_ARENA_MAX, 4);
  rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
}

int Main(std::span<char* const> words) {
  PrepareProcess();
  const auto arguments = ParseArguments(words);
  if (!arguments.ok()) return Fail(arguments.status());
  if (arguments->help) {
    PrintHelp();
    return 0;
  }
  if (arguments->man_page) {
    std::fputs(KernelManPage().c_str(), stdout);
    return 0;
  }
  if (arguments->version) {
    std::printf("l2pkernel %s\n", kVersion);
    return 0;
  }
  const auto config = LoadConfig(*arguments);
  if (!config.ok()) {
    Fail(config.status());
    return kBadSettings;
  }
  // Never destroyed: the signal thread has them to the last.
  static const Clock& clock = *new Clock;
  static Wishes& wishes = *new Wishes(clock);
  if (absl::Status status = WatchSignals(clock, wishes); !status.ok()) return Fail(status);
  const auto runtime = OpenRuntime(config->settings());
  if (!runtime.ok()) {
    Fail(runtime.status());
    return kFailed;
  }
  PluginRegistry plugins(PluginOptions(*config, **runtime));
  const absl::Status status = Run(*arguments, *config, **runtime, plugins, wishes);
  return status.ok() ? kDrained : Fail(status);
}

}  // namespace
}  // namespace l2p

int main(int argc, char** argv) { return l2p::Main({argv + 1, argv + argc}); }
