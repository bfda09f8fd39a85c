// Whole nodes in virtual time: a random history of a swarm, and whether its promises were kept.
//
//   simulate_nodes [--nodes N] [--days D] [--seed S] [--lifetime DAYS] [--tell] [KEY=VALUE...]
//   simulate_nodes --histories N [--seed FIRST] [--tell]
//
// The second form runs N small histories of all kinds. Exit 0: all promises were kept; 1: not, and
// the last lines say how to see it again; 2: usage. KEY=VALUE are settings of all nodes.
#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <string_view>

#include "absl/strings/numbers.h"
#include "tests/swarm/simulated/history.h"

namespace l2p {
namespace {

constexpr char kUsage[] =
    "usage: simulate [--nodes N] [--days D] [--seed S] [--lifetime DAYS] [--tell] [KEY=VALUE...]\n"
    "       simulate --histories N [--seed FIRST] [--tell]\n";

struct Arguments {
  int64_t nodes = 60;
  double days = 30;
  int64_t seed = 1;
  double lifetime = 30;
  int64_t histories = 0;
  bool tell = false;
  SimSwarm::Settings settings;
};

bool Parse(int argc, char** argv, Arguments& out) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view key = argv[i];
    if (key == "--tell") {
      out.tell = true;
      continue;
    }
    if (!key.starts_with("--")) {
      if (key.find('=') == std::string_view::npos) return false;
      out.settings.emplace_back(key);
      continue;
    }
    if (++i == argc) return false;
    const bool is_right = (key == "--nodes" && absl::SimpleAtoi(argv[i], &out.nodes)) ||
                          (key == "--days" && absl::SimpleAtod(argv[i], &out.days)) ||
                          (key == "--seed" && absl::SimpleAtoi(argv[i], &out.seed)) ||
                          (key == "--lifetime" && absl::SimpleAtod(argv[i], &out.lifetime)) ||
                          (key == "--histories" && absl::SimpleAtoi(argv[i], &out.histories));
    if (!is_right) return false;
  }
  return out.nodes >= 4 && out.nodes <= 10'000 && out.days > 0 && out.lifetime > 0 &&
         out.histories >= 0;
}

void Print(const HistoryReport& report) {
  std::printf(
      "puts %zu, acknowledged %zu, removed %zu, gets %zu (%zu with too few pieces within reach)\n"
      "faults %zu, deaths %zu, repairs %lld, objects lost %zu; longest put %.1f s, get %.1f s, "
      "wait %.0f s\n"
      "repair moved %.1f bytes per user byte and year; nodes sent %.1f MiB in all; trace %016llx\n",
      report.puts, report.acknowledged, report.removed, report.gets, report.unreadable,
      report.faults, report.deaths, static_cast<long long>(report.repairs), report.lost,
      absl::ToDoubleSeconds(report.longest_put), absl::ToDoubleSeconds(report.longest_get),
      absl::ToDoubleSeconds(report.longest_wait), report.moved_per_byte_and_year(),
      static_cast<double>(report.wire_bytes) / 1048576,
      static_cast<unsigned long long>(report.trace));
  for (const std::string& broken : report.broken) std::printf("BROKEN %s\n", broken.c_str());
}

// What the swarm itself found wrong, such as a task that a stopped node left behind, is reported as
// a test's failure, though there is no test.
bool IsWell(const HistoryReport& report) {
  return report.broken.empty() && !testing::UnitTest::GetInstance()->ad_hoc_test_result().Failed();
}

int RunMany(const Arguments& arguments) {
  for (int64_t seed = arguments.seed; seed < arguments.seed + arguments.histories; ++seed) {
    HistoryOptions options = HistoryOptions::Random(static_cast<uint64_t>(seed));
    options.tell = arguments.tell;
    const HistoryReport report = RunHistory(options);
    std::printf("history %lld: %zu nodes, %.0f h: ", static_cast<long long>(seed), options.nodes,
                absl::ToDoubleHours(options.length));
    Print(report);
    std::fflush(stdout);
    if (IsWell(report)) continue;
    std::printf("again: ./dev simulate --histories 1 --seed %lld --tell\n",
                static_cast<long long>(seed));
    return 1;
  }
  return 0;
}

int RunOne(const Arguments& arguments) {
  HistoryOptions options;
  options.nodes = static_cast<size_t>(arguments.nodes);
  options.seed = static_cast<uint64_t>(arguments.seed);
  options.length = absl::Hours(24) * arguments.days;
  options.lifetime = absl::Hours(24) * arguments.lifetime;
  options.most_away = options.nodes / 10;
  options.liars = options.nodes / 40;
  options.redundancies = {"auto"};
  options.kill = arguments.days <= 3;
  options.settings = arguments.settings;
  options.tell = arguments.tell;
  const HistoryReport report = RunHistory(options);
  Print(report);
  if (IsWell(report)) return 0;
  std::printf("again: ./dev simulate --nodes %lld --days %g --seed %lld --lifetime %g --tell\n",
              static_cast<long long>(arguments.nodes), arguments.days,
              static_cast<long long>(arguments.seed), arguments.lifetime);
  return 1;
}

int Main(int argc, char** argv) {
  Arguments arguments;
  if (!Parse(argc, argv, arguments)) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  return arguments.histories > 0 ? RunMany(arguments) : RunOne(arguments);
}

}  // namespace
}  // namespace l2p

int main(int argc, char** argv) { return l2p::Main(argc, argv); }
