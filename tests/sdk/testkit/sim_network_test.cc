#include "l2p/testkit/sim_network.h"

#include <gtest/gtest.h>

namespace l2p::testkit {
namespace {

// One megabyte a second down, and latency that is easy to add.
SimNetwork::Options Slow() {
  return {.latency = absl::Milliseconds(10), .up = 0, .down = 1'000'000};
}

TEST(SimNetwork, SharesALinkBetweenSenders) {
  Simulation simulation(1);
  SimNetwork network(simulation, Slow());
  for (int i = 0; i < 3; ++i) network.AddNode();
  const Time start = simulation.Now();
  EXPECT_EQ(network.Transmit(0, 2, 5'000) - start, absl::Milliseconds(10));
  EXPECT_EQ(network.Transmit(1, 2, 5'000) - start, absl::Milliseconds(15));
  EXPECT_EQ(network.Transmit(0, 2, 5'000) - start, absl::Milliseconds(20));
}

TEST(SimNetwork, LetsOthersPassBeforeWhatASlowSenderHasOnItsWay) {
  Simulation simulation(1);
  SimNetwork network(simulation, Slow());
  for (int i = 0; i < 3; ++i) network.AddNode();
  network.SetBandwidth(0, 10'000, 0);
  const Time start = simulation.Now();
  EXPECT_EQ(network.Transmit(0, 2, 10'000) - start, absl::Milliseconds(1010));
  EXPECT_EQ(network.Transmit(1, 2, 5'000) - start, absl::Milliseconds(10));
  for (int i = 0; i < 199; ++i) network.Transmit(1, 2, 5'000);
  EXPECT_EQ(network.Transmit(1, 2, 5'000) - start, absl::Milliseconds(1020));
}

}  // namespace
}  // namespace l2p::testkit
