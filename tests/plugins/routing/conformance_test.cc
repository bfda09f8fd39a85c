#include <gtest/gtest.h>

#include "kad_world.h"
#include "l2p/testkit/gtest_conformance.h"
#include "l2p/testkit/router_conformance.h"

namespace l2p::testkit {
namespace {

absl::StatusOr<std::unique_ptr<Router>> NewKademlia(Host& host) {
  KademliaRouter::Options options;
  options.protocols = {"/l2p/kad/1.0.0"};
  return std::make_unique<KademliaRouter>(host, std::move(options));
}

L2P_TEST_CONFORMANCE(KademliaRouterTest, RouterConformance(NewKademlia, KadHosts()));

}  // namespace
}  // namespace l2p::testkit
