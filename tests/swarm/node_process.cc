#include "node_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

extern char** environ;

namespace l2p {
namespace {

constexpr absl::Duration kReadyLimit = absl::Seconds(20);
constexpr absl::Duration kStatusLimit = absl::Seconds(20);

// Waits for something that only the file system or a node's answer shows.
bool AwaitThat(absl::Duration limit, const std::function<bool()>& condition) {
  const absl::Time deadline = absl::Now() + limit;
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(20));
  }
  return true;
}

int ExitCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<char*> Pointers(Words& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

bool Replace(int descriptor, const std::string& path, int flags) {
  const int file = ::open(path.c_str(), flags, 0600);
  return file >= 0 && ::dup2(file, descriptor) == descriptor;
}

// The child's part of a start; the test may have threads, so nothing here may lock or allocate.
[[noreturn]] void BecomeProgram(const ChildProcess::Options& options, char* const* argv,
                                char* const* envp, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  constexpr int kWrite = O_WRONLY | O_CREAT | O_APPEND;
  if (::getppid() == parent && Replace(0, options.in, O_RDONLY) &&
      Replace(1, options.out, kWrite) && Replace(2, options.err, kWrite)) {
    ::execvpe(argv[0], argv, envp);
  }
  ::_exit(127);
}

Words Environment(const std::map<std::string, std::string>& more) {
  Words environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    // What the user has set for his own node is not for the tests'.
    if (!absl::StartsWith(*variable, "L2P_")) environment.emplace_back(*variable);
  }
  for (const auto& [name, value] : more) environment.push_back(absl::StrCat(name, "=", value));
  return environment;
}

}  // namespace

TempFolder::TempFolder()
    : path_((std::filesystem::temp_directory_path() / "l2p-swarm-XXXXXX").string()) {
  EXPECT_NE(::mkdtemp(path_.data()), nullptr);
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  EXPECT_TRUE(out.good()) << path;
}

std::string SeededBytes(size_t size, uint64_t seed) {
  const Finished made = RunProgram({L2P_SEEDED_FILE, absl::StrCat(size), absl::StrCat(seed)});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  return made.out;
}

Pipe::Pipe() {
  ::signal(SIGPIPE, SIG_IGN);  // A reader may go first.
  EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0);
}

Pipe::~Pipe() {
  Close();
  ::close(ends_[0]);
}

std::string Pipe::reading_end() const { return absl::StrCat("/proc/self/fd/", ends_[0]); }

std::string Pipe::writing_end() const { return absl::StrCat("/proc/self/fd/", ends_[1]); }

std::string Pipe::ReadLine(absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  std::string line;
  while (!absl::EndsWith(line, "\n")) {
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    pollfd readable{.fd = ends_[0], .events = POLLIN, .revents = 0};
    if (left <= 0 || ::poll(&readable, 1, static_cast<int>(left)) != 1) return line;
    char part[1024];
    const ssize_t got = ::read(ends_[0], part, sizeof part);
    if (got <= 0) return line;
    line.append(part, static_cast<size_t>(got));
  }
  return line;
}

void Pipe::Write(const std::string& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t written = ::write(ends_[1], bytes.data() + at, bytes.size() - at);
    if (written <= 0) return;
    at += static_cast<size_t>(written);
  }
}

void Pipe::Close() {
  if (ends_[1] >= 0) ::close(ends_[1]);
  ends_[1] = -1;
}

ChildProcess::ChildProcess(const Options& options) {
  Words words = options.words;
  Words environment = Environment(options.environment);
  const std::vector<char*> argv = Pointers(words);
  const std::vector<char*> envp = Pointers(environment);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) BecomeProgram(options, argv.data(), envp.data(), parent);
  EXPECT_GT(pid_, 0) << words[0];
  if (pid_ < 0) {
    ended_ = 127;
    return;
  }
  ::setpgid(pid_, pid_);  // As the child does: whoever comes first.
  pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  EXPECT_GE(pidfd_, 0);
}

ChildProcess::~ChildProcess() {
  if (!ended_) {
    ::kill(-pid_, SIGKILL);
    Wait(absl::Seconds(10));
  }
  if (pidfd_ >= 0) ::close(pidfd_);
}

void ChildProcess::Signal(int signal) {
  if (!ended_) ::kill(pid_, signal);
}

std::optional<int> ChildProcess::Wait(absl::Duration limit) {
  if (ended_) return ended_;
  pollfd end{.fd = pidfd_, .events = POLLIN, .revents = 0};
  if (::poll(&end, 1, static_cast<int>(absl::ToInt64Milliseconds(limit))) != 1) return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, 0) == pid_) ended_ = ExitCode(status);
  return ended_;
}

Finished RunProgram(const Words& words, const std::string& in,
                    const std::map<std::string, std::string>& environment, absl::Duration limit) {
  const TempFolder folder;
  WriteFile(folder / "in", in);
  const absl::Time begun = absl::Now();
  Finished finished;
  {
    ChildProcess child({.words = words,
                        .environment = environment,
                        .in = folder / "in",
                        .out = folder / "out",
                        .err = folder / "err"});
    finished.exit_code = child.Wait(limit).value_or(-1);
  }
  finished.took = absl::Now() - begun;
  finished.out = ReadFile(folder / "out");
  finished.err = ReadFile(folder / "err");
  return finished;
}

Finished RunL2p(const Words& words, const std::map<std::string, std::string>& environment) {
  Words all = {L2P_PROGRAM};
  all.insert(all.end(), words.begin(), words.end());
  return RunProgram(all, "", environment);
}

std::string JsonField(const std::string& json, const std::string& name) {
  const std::string key = absl::StrCat("\"", name, "\":");
  size_t begin = json.find(key);
  if (begin == std::string::npos) return "";
  begin += key.size();
  if (json[begin] != '"') return json.substr(begin, json.find_first_of(",}]", begin) - begin);
  return json.substr(begin + 1, json.find('"', begin + 1) - begin - 1);
}

NodeProcess::NodeProcess(Words settings) : settings_(std::move(settings)) {}

ChildProcess::Options NodeProcess::Command(const std::string& out) const {
  Words words = {L2PKERNEL_PROGRAM, "-c", L2P_SWARM_SETTINGS, "data.dir=" + data_dir()};
  words.insert(words.end(), settings_.begin(), settings_.end());
  return {.words = words, .environment = {}, .out = out, .err = folder_ / "log"};
}

bool NodeProcess::Start() {
  Launch();
  return AwaitReady();
}

void NodeProcess::Launch() {
  ready_ = std::make_unique<Pipe>();
  child_ = std::make_unique<ChildProcess>(Command(ready_->writing_end()));
  ready_->Close();
}

bool NodeProcess::AwaitReady() {
  const std::string line = ready_->ReadLine(kReadyLimit);
  const bool ready = absl::StartsWith(line, "ready ") && absl::EndsWith(line, "\n");
  EXPECT_TRUE(ready) << line << log();
  for (const absl::string_view field : absl::StrSplit(line, absl::ByAnyChar(" \n"))) {
    const std::pair<std::string, std::string> parts =
        absl::StrSplit(field, absl::MaxSplits('=', 1));
    if (parts.first == "peer") peer_ = parts.second;
    if (parts.first == "listen") address_ = parts.second.substr(0, parts.second.find(','));
    if (parts.first == "admin") url_ = parts.second;
    if (parts.first == "socket") socket_ = parts.second;
  }
  return ready && !socket_.empty();
}

Finished NodeProcess::StartInVain() { return RunProgram(Command("").words, "", {}, kReadyLimit); }

Finished NodeProcess::L2p(const Words& words, const std::string& in) {
  Words all = {L2P_PROGRAM, "--api", socket_};
  all.insert(all.end(), words.begin(), words.end());
  return RunProgram(all, in);
}

std::unique_ptr<ChildProcess> NodeProcess::BeginL2p(const Words& words, const std::string& in,
                                                    const std::string& out) const {
  ChildProcess::Options options{.words = {L2P_PROGRAM, "--api", socket_},
                                .environment = {},
                                .in = in,
                                .out = out,
                                .err = folder_ / "l2p.err"};
  options.words.insert(options.words.end(), words.begin(), words.end());
  return std::make_unique<ChildProcess>(options);
}

std::string NodeProcess::Put(const std::string& path, const Words& options) {
  Words words = {"--json", "put", path};
  words.insert(words.end(), options.begin(), options.end());
  const Finished put = L2p(words);
  EXPECT_EQ(put.exit_code, 0) << put.err;
  return JsonField(put.out, "id");
}

void NodeProcess::Kill() {
  Signal(SIGKILL);
  EXPECT_EQ(Wait(), 128 + SIGKILL);
}

uint64_t NodeProcess::Status(const std::string& name) {
  const Finished status = L2p({"--json", "status"});
  uint64_t value = 0;
  EXPECT_TRUE(absl::SimpleAtoi(JsonField(status.out, name), &value)) << status.out << status.err;
  return value;
}

bool NodeProcess::AwaitPeers(size_t count) {
  return AwaitThat(kStatusLimit, [&] { return Status("connected_peers") >= count; });
}

bool NodeProcess::AwaitStatus(const std::string& name, uint64_t most) {
  return AwaitThat(kStatusLimit, [&] { return Status(name) <= most; });
}

bool NodeProcess::AwaitLog(const std::string& text) {
  return AwaitThat(kReadyLimit, [&] { return absl::StrContains(log(), text); });
}

std::string NodeProcess::token() const {
  std::string token = ReadFile(data_dir() + "/admin.token");
  while (!token.empty() && token.back() == '\n') token.pop_back();
  return token;
}

std::vector<std::unique_ptr<NodeProcess>> StartSwarm(size_t count, const Words& settings,
                                                     size_t entries) {
  std::vector<std::unique_ptr<NodeProcess>> nodes;
  std::string bootstrap;
  for (size_t i = 0; i < count; ++i) {
    Words all = settings;
    if (i > 0) all.push_back("network.bootstrap=" + bootstrap);
    nodes.push_back(std::make_unique<NodeProcess>(all));
    nodes.back()->Launch();
    if (i >= entries) continue;
    if (!nodes.back()->AwaitReady()) return nodes;
    absl::StrAppend(&bootstrap, i == 0 ? "" : ",", nodes.back()->address());
  }
  for (size_t i = entries; i < count; ++i) {
    if (!nodes[i]->AwaitReady()) return nodes;
  }
  EXPECT_TRUE(nodes[0]->AwaitPeers((count - 1) / entries));
  return nodes;
}

}  // namespace l2p
