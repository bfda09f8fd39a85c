#include <gtest/gtest.h>

#include "kad_world.h"
#include "l2p/testkit/gtest_conformance.h"
#include "l2p/testkit/router_conformance.h"
#include "routing/static/static_router.h"

namespace l2p::testkit {
namespace {

absl::StatusOr<std::unique_ptr<Router>> NewKademlia(Host& host) {
  KademliaRouter::Options options;
  options.protocols = {"/l2p/kad/1.0.0"};
  return std::make_unique<KademliaRouter>(host, std::move(options));
}

absl::StatusOr<std::unique_ptr<Router>> NewStatic(Host& host) {
  return std::make_unique<StaticRouter>(host, StaticRouter::Options());
}

L2P_TEST_CONFORMANCE(KademliaRouterTest, RouterConformance(NewKademlia, KadHosts()));
L2P_TEST_CONFORMANCE(StaticRouterConformance, RouterConformance(NewStatic, KadHosts()));

}  // namespace
}  // namespace l2p::testkit
