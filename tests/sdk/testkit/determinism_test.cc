#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/sim_runtime.h"

namespace l2p::testkit {
namespace {

// A world with timers, periodic jobs, racing deadlines, chance, a killed node and a power cut.
uint64_t HashOfABusyWorld(uint64_t seed) {
  Simulation sim(seed);
  MemoryDisk disks[3];
  std::vector<std::unique_ptr<SimRuntime>> nodes;
  for (MemoryDisk& disk : disks) {
    nodes.push_back(std::make_unique<SimRuntime>(sim, disk, absl::StrCat("node", nodes.size())));
  }
  std::vector<std::unique_ptr<Registration>> jobs;
  for (auto& node : nodes) {
    jobs.push_back(node->tasks().Every("work", absl::Milliseconds(100), [&sim, &node] {
      const std::unique_ptr<Event> event = node->NewEvent();
      event->Wait(sim.Now() + absl::Milliseconds(RandomBelow(*node, 300)));
      node->Log(Severity::kInfo, "test", "worked");
    }));
  }
  sim.Run([&] {
    sim.Sleep(absl::Seconds(2));
    nodes[1]->Kill();
    disks[1].Crash(sim.Random());
    sim.Sleep(absl::Seconds(2));
    jobs.clear();
  });
  return sim.trace_hash();
}

std::string HashText(uint64_t seed) {
  return absl::StrCat("trace=", absl::Hex(HashOfABusyWorld(seed), absl::kZeroPad16));
}

// Runs this test in another process, where it prints the hash instead.
std::string HashOfAnotherProcess() {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string command = absl::StrCat("L2P_PRINT_TRACE=1 '", self,
                                           "' --gtest_filter=Determinism.EqualSeeds* 2>/dev/null");
  FILE* pipe = popen(command.c_str(), "r");
  std::string output;
  char chunk[256];
  while (std::fgets(chunk, sizeof chunk, pipe) != nullptr) output += chunk;
  EXPECT_EQ(pclose(pipe), 0);
  const size_t start = output.find("trace=");
  return start == std::string::npos ? output : output.substr(start, 6 + 16);
}

TEST(Determinism, EqualSeedsGiveEqualTracesInTwoProcesses) {
  if (std::getenv("L2P_PRINT_TRACE") != nullptr) {
    std::printf("%s\n", HashText(7).c_str());
    return;
  }
  EXPECT_EQ(HashText(7), HashOfAnotherProcess());
}

TEST(Determinism, OtherSeedsGiveOtherTraces) { EXPECT_NE(HashText(7), HashText(8)); }

}  // namespace
}  // namespace l2p::testkit
