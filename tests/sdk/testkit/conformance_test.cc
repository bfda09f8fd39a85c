// The suites pass what keeps its contract and name the case that a defective implementation breaks.
#include "l2p/testkit/conformance.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>

#include "check_plugin_host.h"
#include "l2p/testkit/chunker_conformance.h"
#include "l2p/testkit/gtest_conformance.h"
#include "l2p/testkit/hasher_conformance.h"
#include "l2p/testkit/sim_network.h"
#include "l2p/testkit/transport_conformance.h"
#include "l2p/testkit/worlds.h"

namespace l2p::testkit {
namespace {

using ::testing::Contains;
using ::testing::Not;

L2P_TEST_CONFORMANCE(SimTransportTest, TransportConformance(FactoryOf<Transport>(kSimTransport),
                                                            SimWorlds(CheckHosts(nullptr))));

std::vector<std::string> Failing(const std::vector<ConformanceCase>& cases) {
  std::vector<std::string> names;
  for (const ConformanceCase& one : cases) {
    if (!one.run().ok()) names.push_back(one.name);
  }
  return names;
}

// Mixes the digest of the call before into each digest.
class RememberingHasher : public Hasher {
 public:
  HashCode code() const override { return static_cast<HashCode>(0x1013); }
  size_t digest_size() const override { return 32; }
  void Hash(std::span<const ByteView> inputs, MutableByteView digests) const override {
    for (size_t i = 0; i < inputs.size(); ++i) {
      uint64_t state = remembered_;
      for (const uint8_t byte : inputs[i]) state = (state ^ byte) * 0x100000001b3u;
      remembered_ = state;
      for (size_t b = 0; b < 32; ++b)
        digests[i * 32 + b] = static_cast<uint8_t>(state >> b % 8 * 8);
    }
  }

 private:
  mutable std::atomic<uint64_t> remembered_ = 0;
};

TEST(HasherConformance, NamesTheCaseOfAHasherThatRemembers) {
  const Factory<Hasher> factory = [](Host&) { return std::make_unique<RememberingHasher>(); };
  EXPECT_THAT(Failing(HasherConformance(factory, SimWorlds(CheckHosts(nullptr)))),
              Contains("GivesTheSameDigestAgain"));
}

// Cuts every 1000 bytes, but a byte later when the byte behind the cut is even.
class PeekingChunker : public Chunker {
 public:
  size_t max_chunk() const override { return 1001; }
  std::string Parameters() const override { return "peeking"; }
  size_t Cut(ByteView window, bool at_end, std::span<size_t> ends) const override {
    size_t count = 0;
    for (size_t start = 0; count < ends.size() && start < window.size();) {
      if (window.size() - start <= 1000) {
        if (at_end) ends[count++] = window.size();
        return count;
      }
      start += window[start + 1000] % 2 == 0 ? 1001 : 1000;
      ends[count++] = start;
    }
    return count;
  }
};

TEST(ChunkerConformance, NamesTheCaseOfAChunkerThatLooksPastTheCut) {
  const Factory<Chunker> factory = [](Host&) { return std::make_unique<PeekingChunker>(); };
  const std::vector<std::string> failing =
      Failing(ChunkerConformance(factory, SimWorlds(CheckHosts(nullptr))));
  EXPECT_THAT(failing, Contains("DependsOnNothingPastTheCut"));
  EXPECT_THAT(failing, Not(Contains("CoversTheFileInAscendingChunks")));
}

}  // namespace
}  // namespace l2p::testkit
