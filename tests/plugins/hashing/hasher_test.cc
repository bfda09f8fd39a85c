// Every hasher against its contract, which holds the published digests, and against the program
// that others use.
#include <gtest/gtest.h>

#include <fstream>

#include "../storage/store_world.h"
#include "l2p/testkit/gtest_conformance.h"
#include "l2p/testkit/hasher_conformance.h"
#include "plugins/hashing/blake2b/blake2b_hasher.h"
#include "plugins/hashing/blake3/blake3_hasher.h"
#include "plugins/hashing/sha256/sha256_hasher.h"
#include "tests/child_process.h"
#include "tests/temp_folder.h"

namespace l2p {
namespace {

template <typename H>
testkit::Factory<Hasher> Make() {
  return [](Host&) { return std::make_unique<H>(); };
}

L2P_TEST_CONFORMANCE(Sha256, testkit::HasherConformance(Make<Sha256Hasher>(), PluginWorlds()));
L2P_TEST_CONFORMANCE(Blake2b, testkit::HasherConformance(Make<Blake2bHasher>(), PluginWorlds()));
L2P_TEST_CONFORMANCE(Blake3, testkit::HasherConformance(Make<Blake3Hasher>(), PluginWorlds()));

// Where a block, a chunk or a tree of the functions ends, and beside.
constexpr size_t kSizes[] = {0,    1,    63,   64,   65,    127,    128,    129,     1023,
                             1024, 1025, 2048, 2049, 16384, 100000, 131073, 1048576, 2000000};

void ExpectWhatTheProgramSays(const Hasher& hasher, std::vector<std::string> program) {
  const TempFolder folder;
  program.push_back(folder / "input");
  for (const size_t size : kSizes) {
    const std::string text = testkit::TestBytes(size, size);
    std::ofstream(folder / "input", std::ios::binary) << text;
    const Finished said = RunProgram(program);
    if (said.exit_code == 127) GTEST_SKIP() << program[0] << " is not installed";
    EXPECT_EQ(said.output().substr(0, said.output().find(' ')),
              ToHex(HashOf(hasher, AsBytes(text)).digest()))
        << size;
  }
}

TEST(Sha256Hasher, SaysWhatSha256sumSays) {
  ExpectWhatTheProgramSays(Sha256Hasher(), {"sha256sum"});
}

TEST(Blake2bHasher, SaysWhatB2sumSays) {
  ExpectWhatTheProgramSays(Blake2bHasher(), {"b2sum", "-l", "256"});
}

TEST(Blake3Hasher, SaysWhatB3sumSays) { ExpectWhatTheProgramSays(Blake3Hasher(), {"b3sum"}); }

}  // namespace
}  // namespace l2p
