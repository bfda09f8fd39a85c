#include "plugins/hashing/sha256/sha256_hasher.h"

#include <gtest/gtest.h>

#include "../storage/store_world.h"
#include "l2p/testkit/gtest_conformance.h"
#include "l2p/testkit/hasher_conformance.h"

namespace l2p {
namespace {

L2P_TEST_CONFORMANCE(
    Sha256, testkit::HasherConformance([](Host&) { return std::make_unique<Sha256Hasher>(); },
                                       PluginWorlds()));

}  // namespace
}  // namespace l2p
