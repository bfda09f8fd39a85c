// What a user does, without anything going wrong: put, get, folders, files of all sizes, rm.
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "l2p/testkit/conformance.h"
#include "tests/swarm/simulated/sim_swarm.h"

namespace l2p {
namespace {

using testkit::TestBytes;

TEST(SimulatedSwarm, GetsFromAFreshNodeWhatAnotherPut) {
  SimSwarm swarm({.nodes = 20});
  swarm.Run([&] {
    const std::string content = TestBytes(1, 1'000'000);
    const auto put = swarm.Put(3, content);
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_EQ(put->shortfall, "");
    EXPECT_EQ(put->outcome->fewest_copies, 3u);
    EXPECT_EQ(swarm.Holders(put->id, 3).size(), 3u);
    const auto got = swarm.Get(swarm.AddNode(), put->id);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->lone(), content);
  });
}

}  // namespace
}  // namespace l2p
