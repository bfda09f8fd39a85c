// The suites on what the testkit itself has; check_plugin_test.cc runs those of plugin files.
#include "l2p/testkit/conformance.h"

#include <gtest/gtest.h>

#include "bare_host.h"
#include "l2p/testkit/gtest_conformance.h"
#include "l2p/testkit/sim_network.h"
#include "l2p/testkit/transport_conformance.h"
#include "l2p/testkit/worlds.h"

namespace l2p::testkit {
namespace {

L2P_TEST_CONFORMANCE(SimTransportTest, TransportConformance(FactoryOf<Transport>(kSimTransport),
                                                            SimWorlds(BareHosts(nullptr))));

}  // namespace
}  // namespace l2p::testkit
