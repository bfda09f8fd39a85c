#include "node_process.h"

#include <gtest/gtest.h>
#include <signal.h>

#include <functional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

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

}  // namespace

std::string SeededBytes(size_t size, uint64_t seed) {
  const Finished made = RunProgram({L2P_SEEDED_FILE, absl::StrCat(size), absl::StrCat(seed)});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  return made.out;
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
