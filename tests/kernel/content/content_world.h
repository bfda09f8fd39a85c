#ifndef L2P_TESTS_KERNEL_CONTENT_CONTENT_WORLD_H_
#define L2P_TESTS_KERNEL_CONTENT_CONTENT_WORLD_H_

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kernel/content/block_source.h"
#include "kernel/content/holdings.h"
#include "kernel/content/importer.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/sim_runtime.h"
#include "l2p/testkit/simulation.h"
#include "plugins/chunking/fixed/fixed_chunker.h"
#include "plugins/hashing/sha256/sha256_hasher.h"
#include "plugins/storage/memory/memory_store.h"
#include "tests/kernel/content/memory_files.h"

namespace l2p {

// Runs `body` as a task of a node in a simulation with this seed.
inline void InWorld(const std::function<void(testkit::SimRuntime&)>& body, uint64_t seed = 1) {
  testkit::Simulation simulation(seed);
  testkit::MemoryDisk disk;
  testkit::SimRuntime runtime(simulation, disk, "node");
  simulation.Run([&] { body(runtime); });
}

inline PeerId TestPeer(uint8_t number) {
  std::string key("\x08\x01\x12\x20", 4);
  key.append(32, static_cast<char>(number));
  return *PeerId::OfPublicKey(AsBytes(key));
}

// The parts of a node that its content needs, over a store in memory.
struct ContentWorld {
  explicit ContentWorld(Runtime& the_runtime, uint64_t quota = uint64_t{1} << 32,
                        ShareLimits limits = {1 << 20, 4 << 20, 1000, absl::InfiniteDuration()})
      : runtime(the_runtime),
        blocks(runtime, slot, hashers, quota),
        holdings(runtime, **runtime.OpenState("kernel"), blocks, TestPeer(0), limits) {
    hashers.Add("sha256", hasher);
  }

  Runtime& runtime;
  Memory memory{runtime, size_t{256} << 20};
  std::shared_ptr<Sha256Hasher> hasher = std::make_shared<Sha256Hasher>();
  std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>(uint64_t{1} << 32);
  PluginSlot<BlockStore> slot{store};
  Hashers hashers;
  BlockService blocks;
  Holdings holdings;

  size_t stored_blocks() { return store->Usage().blocks; }
};

inline Profile ProfileOf(std::string_view text) { return *ParseProfile("test", text); }

inline constexpr char kProfile2025[] = "chunker=fixed size=1MiB links=1024 hamt=262144 rule=block";
inline constexpr char kProfile256k[] = "chunker=fixed size=256KiB links=174 hamt=262144 rule=links";

inline ImportOptions OptionsFor(const ContentWorld& world, const Profile& profile) {
  ImportOptions options;
  options.profile = profile;
  options.chunker = std::make_shared<FixedChunker>(profile.size.value_or(1 << 20));
  options.hasher = world.hasher;
  return options;
}

// The test stream of the wire formats: xorshift32, words little-endian.
inline std::string TestStream(uint32_t seed, size_t size) {
  std::string out;
  out.reserve(size + 4);
  for (uint32_t x = seed; out.size() < size;) {
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<char>(x >> shift));
  }
  out.resize(size);
  return out;
}

// A BlockSource of the node's own blocks that answers the newest request first, and where a test
// may put other bytes under an id.
class LocalSource : public BlockSource {
 public:
  explicit LocalSource(BlockService& blocks) : blocks_(blocks) {}

  void Want(std::span<const Wanted> wanted) override {
    wanted_.insert(wanted_.end(), wanted.begin(), wanted.end());
    most_wanted = std::max(most_wanted, wanted_.size());
  }
  absl::StatusOr<Arrived> Next(Time) override {
    EXPECT_FALSE(wanted_.empty());
    Wanted wanted = std::move(wanted_.back());
    wanted_.pop_back();
    ++answered;
    auto replaced = replacements.find(wanted.id.hash());
    if (replaced != replacements.end()) return Arrived{wanted.tag, Bytes::Copy(replaced->second)};
    return Arrived{wanted.tag, blocks_.Get(wanted.id.hash())};
  }

  std::map<Multihash, std::string> replacements;
  size_t most_wanted = 0;
  size_t answered = 0;

 private:
  BlockService& blocks_;
  std::vector<Wanted> wanted_;
};

// Imports `input`; the groups go to `groups` if given. The operation ends when this returns.
inline absl::StatusOr<ImportResult> ImportAll(ContentWorld& world, const ImportOptions& options,
                                              Input& input, std::vector<Group>* groups = nullptr) {
  BlockService::Operation operation(world.blocks);
  return Import(
      world.runtime, world.memory, options.only_hash ? nullptr : &operation, options, input,
      [&](Group group) {
        if (groups != nullptr) groups->push_back(std::move(group));
        return absl::OkStatus();
      },
      nullptr);
}

}  // namespace l2p

#endif  // L2P_TESTS_KERNEL_CONTENT_CONTENT_WORLD_H_
