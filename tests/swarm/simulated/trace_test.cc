// A simulation is its seed: the same in every process.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "l2p/testkit/conformance.h"
#include "tests/swarm/simulated/sim_swarm.h"

namespace l2p {
namespace {

using testkit::TestBytes;

constexpr char kPrintTrace[] = "L2P_PRINT_TRACE";

// 20 nodes put, one after another is killed, frozen or restarted, and fresh ones get.
uint64_t TraceOfABusySwarm(uint64_t seed) {
  SimSwarm swarm({.nodes = 20,
                  .seed = seed,
                  .network = {.latency = absl::Milliseconds(20),
                              .latency_sigma = 0.5,
                              .up = 2'000'000,
                              .down = 10'000'000}});
  swarm.Run([&] {
    std::vector<Cid> ids;
    for (size_t i = 1; i <= 3; ++i) {
      const auto put = swarm.Put(i, TestBytes(i, 400'000 * i));
      ASSERT_TRUE(put.ok()) << put.status();
      EXPECT_EQ(put->shortfall, "");
      ids.push_back(put->id);
      swarm.Kill(i);
    }
    swarm.CutPower(7);
    swarm.Stop(8);
    swarm.Freeze(9);
    const size_t reader = swarm.AddNode();
    for (size_t i = 1; i <= 3; ++i) {
      const auto got = swarm.Get(reader, ids[i - 1]);
      ASSERT_TRUE(got.ok()) << got.status();
      EXPECT_EQ(got->lone(), TestBytes(i, 400'000 * i));
    }
    swarm.Start(7);
    swarm.Start(8);
    swarm.Thaw(9);
    swarm.simulation().Sleep(absl::Minutes(30));
  });
  return swarm.simulation().trace_hash();
}

std::string TraceText(uint64_t seed) {
  return absl::StrCat("trace=", absl::Hex(TraceOfABusySwarm(seed), absl::kZeroPad16));
}

// Runs the test below in another process, where it prints its trace instead.
std::string TraceOfAnotherProcess(uint64_t seed) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string command = absl::StrCat(
      kPrintTrace, "=", seed, " '", self, "' --gtest_filter=SimulatedTrace.IsTheSame* 2>/dev/null");
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  char chunk[256];
  while (std::fgets(chunk, sizeof chunk, pipe) != nullptr) output += chunk;
  EXPECT_EQ(pclose(pipe), 0) << output;
  const size_t start = output.find("trace=");
  return start == std::string::npos ? output : output.substr(start, 6 + 16);
}

TEST(SimulatedTrace, IsTheSameInTwoProcesses) {
  if (const char* seed = std::getenv(kPrintTrace)) {
    std::printf("%s\n", TraceText(std::strtoull(seed, nullptr, 10)).c_str());
    return;
  }
  const std::string first = TraceOfAnotherProcess(7);
  EXPECT_EQ(first.size(), 6u + 16) << first;
  EXPECT_EQ(first, TraceOfAnotherProcess(7));
  EXPECT_NE(first, TraceOfAnotherProcess(8));
}

}  // namespace
}  // namespace l2p
