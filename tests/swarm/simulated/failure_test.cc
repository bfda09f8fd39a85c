// Nodes die, freeze, lie, lose bytes or are slow: what was put can be got all the same.
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "l2p/testkit/conformance.h"
#include "tests/swarm/simulated/defective_stores.h"
#include "tests/swarm/simulated/sim_swarm.h"

namespace l2p {
namespace {

using testkit::TestBytes;

constexpr size_t kUploader = 1;
constexpr size_t kSize = 3'000'000;

// Puts a file, does `harm`, and gets the file with a fresh node.
struct Outcome {
  Duration took;
  std::vector<Exchange::Served> served;
  std::vector<size_t> holders;
};
using Harm = std::function<void(SimSwarm&, const std::vector<size_t>& holders)>;

SimSwarm::Options Swarm(uint64_t seed) {
  return {.nodes = 10, .seed = seed, .network = {.up = 1'000'000, .down = 5'000'000}};
}

Outcome GetAfter(const Harm& harm, SimSwarm::Options options) {
  Outcome outcome;
  SimSwarm swarm(std::move(options));
  swarm.Run([&] {
    const std::string content = TestBytes(1, kSize);
    const auto put = swarm.Put(kUploader, content);
    ASSERT_TRUE(put.ok()) << put.status();
    ASSERT_EQ(put->shortfall, "");
    outcome.holders = swarm.Holders(put->id, kUploader);
    harm(swarm, outcome.holders);
    const auto got = swarm.Get(swarm.AddNode(), put->id);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->lone(), content);
    outcome.took = got->took;
    outcome.served = got->served;
  });
  return outcome;
}

void ExpectSoonAfter(const Harm& harm) {
  for (const uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(seed);
    const Outcome undisturbed = GetAfter([](auto&, const auto&) {}, Swarm(seed));
    const Outcome disturbed = GetAfter(harm, Swarm(seed));
    EXPECT_LE(disturbed.took, undisturbed.took + absl::Seconds(3));
  }
}

TEST(FailingSwarm, GetsSoonWhenTheUploaderIsKilled) {
  ExpectSoonAfter([](SimSwarm& swarm, const auto&) { swarm.Kill(kUploader); });
}

TEST(FailingSwarm, GetsSoonWhenTheUploaderIsFrozen) {
  ExpectSoonAfter([](SimSwarm& swarm, const auto&) { swarm.Freeze(kUploader); });
}

TEST(FailingSwarm, GetsSoonWhenTheUploaderLosesPower) {
  ExpectSoonAfter([](SimSwarm& swarm, const auto&) { swarm.CutPower(kUploader); });
}

TEST(FailingSwarm, GetsSoonWhenAHolderIsFrozenToo) {
  ExpectSoonAfter([](SimSwarm& swarm, const std::vector<size_t>& holders) {
    swarm.Kill(kUploader);
    swarm.Freeze(holders[0] == 0 ? holders[1] : holders[0]);
  });
}

// Each get has what it wants from the living holder at once, and still reaches for the frozen one,
// which keeps it waiting for seconds.
TEST(FailingSwarm, GetsManyFilesSoonAlthoughAHolderIsFrozen) {
  SimSwarm swarm({.nodes = 3, .seed = 5});
  swarm.Run([&] {
    std::vector<Cid> ids;
    for (uint64_t i = 0; i < 100; ++i) {
      const auto put = swarm.Put(kUploader, TestBytes(i, 1000));
      ASSERT_TRUE(put.ok()) << put.status();
      ids.push_back(put->id);
    }
    swarm.Freeze(kUploader);
    const size_t reader = swarm.AddNode();
    const size_t before = swarm.runtime(reader).running();
    for (const Cid& id : ids) {
      const auto got = swarm.Get(reader, id);
      ASSERT_TRUE(got.ok()) << got.status();
      EXPECT_LT(got->took, absl::Milliseconds(500));
      // Or with a few more readers, node.tasks would be used up.
      EXPECT_LT(swarm.runtime(reader).running(), before + 40);
    }
  });
}

TEST(FailingSwarm, GetsFromTheLastOfThreeHolders) {
  GetAfter(
      [](SimSwarm& swarm, const std::vector<size_t>& holders) {
        swarm.Kill(kUploader);
        size_t killed = 0;
        for (const size_t holder : holders) {
          if (holder != 0 && killed++ < 2) swarm.CutPower(holder);
        }
      },
      Swarm(4));
}

// The speed that two of three holders have.
TEST(FailingSwarm, IsNotHeldUpByASlowHolder) {
  for (const uint64_t seed : {1, 2, 3}) {
    SCOPED_TRACE(seed);
    const auto one_dies = [](SimSwarm& swarm, const std::vector<size_t>& holders) {
      swarm.Kill(kUploader);
      swarm.Kill(holders[2]);
    };
    const auto one_is_slow = [](SimSwarm& swarm, const std::vector<size_t>& holders) {
      swarm.Kill(kUploader);
      swarm.network().SetBandwidth(holders[2], 1'000'000 / 50, 5'000'000 / 50);
    };
    const Outcome without = GetAfter(one_dies, Swarm(seed));
    const Outcome slow = GetAfter(one_is_slow, Swarm(seed));
    EXPECT_LE(slow.took, without.took + absl::Seconds(3));
  }
}

// Flips a bit in every 4 KiB that the node has stored.
void DamageBlocks(testkit::MemoryDisk& disk) {
  const auto storage = disk.root().OpenFolder("storage");
  ASSERT_TRUE(storage.ok());
  const auto pack = (*storage)->OpenFolder("pack");
  ASSERT_TRUE(pack.ok());
  const auto names = (*pack)->List();
  ASSERT_TRUE(names.ok());
  for (const std::string& name : *names) {
    const auto file = (*pack)->Open(name, Folder::Mode::kWrite);
    if (!file.ok()) continue;
    for (uint64_t at = 2048; at < *(*file)->Size(); at += 4096) {
      uint8_t byte = 0;
      ASSERT_TRUE((*file)->Read(at, {&byte, 1}).ok());
      byte ^= 1;
      const ByteView view(&byte, 1);
      ASSERT_TRUE((*file)->Write(at, {&view, 1}).ok());
    }
  }
}

TEST(FailingSwarm, GetsFromOthersWhatADiskHasDamaged) {
  size_t damaged = 0;
  PeerId damaged_peer;
  const Outcome outcome = GetAfter(
      [&](SimSwarm& swarm, const std::vector<size_t>& holders) {
        swarm.Kill(kUploader);
        damaged = holders[0];
        damaged_peer = swarm.node(damaged).self().id;
        DamageBlocks(swarm.disk(damaged));
      },
      Swarm(1));
  for (const Exchange::Served& served : outcome.served) {
    EXPECT_EQ(served.bad, 0u) << "a store gives no damaged bytes away";
    EXPECT_NE(served.peer, damaged_peer);
  }
}

TEST(FailingSwarm, LeavesAHolderThatLies) {
  SimSwarm::Options options = Swarm(1);
  options.plugins = {&kLyingStore};
  // Enough of them that one is among the holders, and few enough that one is not.
  options.nodes = 5;
  options.of_node[2] = {"storage.plugin=lying"};
  options.of_node[3] = {"storage.plugin=lying"};
  size_t bad = 0;
  PeerId liars[2];
  const Outcome outcome = GetAfter(
      [&](SimSwarm& swarm, const auto&) {
        liars[0] = swarm.node(2).self().id;
        liars[1] = swarm.node(3).self().id;
        swarm.Kill(kUploader);
      },
      std::move(options));
  for (const Exchange::Served& served : outcome.served) {
    bad += served.bad;
    if (served.bad == 0) continue;
    EXPECT_TRUE(served.peer == liars[0] || served.peer == liars[1]);
    EXPECT_EQ(served.bad, 1u) << "one wrong block is enough to be left";
    EXPECT_EQ(served.blocks, 0u);
  }
  EXPECT_GT(bad, 0u) << "no liar was asked: this test shows nothing";
}

void ExpectVerdictWhenAllHoldersAreGone(const std::function<void(SimSwarm&, size_t)>& end) {
  SimSwarm swarm(Swarm(5));
  swarm.Run([&] {
    const auto put = swarm.Put(kUploader, TestBytes(1, kSize));
    ASSERT_TRUE(put.ok()) << put.status();
    const std::vector<size_t> holders = swarm.Holders(put->id, kUploader);
    end(swarm, kUploader);
    for (const size_t holder : holders) end(swarm, holder);
    const size_t reader = swarm.AddNode();
    const Time start = swarm.simulation().Now();
    const absl::Status verdict = swarm.Get(reader, put->id).status();
    EXPECT_TRUE(absl::IsUnavailable(verdict) || absl::IsNotFound(verdict)) << verdict;
    EXPECT_LE(swarm.simulation().Now() - start, absl::Seconds(60)) << verdict;
  });
}

TEST(FailingSwarm, SaysSoWhenAllHoldersAreKilled) {
  ExpectVerdictWhenAllHoldersAreGone([](SimSwarm& swarm, size_t i) { swarm.Kill(i); });
}

TEST(FailingSwarm, SaysSoWhenAllHoldersAreFrozen) {
  ExpectVerdictWhenAllHoldersAreGone([](SimSwarm& swarm, size_t i) { swarm.Freeze(i); });
}

TEST(FailingSwarm, SaysSoWhenNobodyEverHadIt) {
  SimSwarm swarm(Swarm(6));
  swarm.Run([&] {
    Content::PutOptions only_hash = SimSwarm::SmallChunks();
    only_hash.only_hash = true;
    const auto id = swarm.Put(2, TestBytes(9, 100'000), only_hash);
    ASSERT_TRUE(id.ok()) << id.status();
    const Time start = swarm.simulation().Now();
    const absl::Status verdict = swarm.Get(3, id->id).status();
    EXPECT_TRUE(absl::IsNotFound(verdict)) << verdict;
    EXPECT_LE(swarm.simulation().Now() - start, absl::Seconds(30));
  });
}

TEST(FailingSwarm, PutsOnOthersWhenAHolderDiesInTheMiddle) {
  SimSwarm swarm(Swarm(7));
  swarm.Run([&] {
    const std::string content = TestBytes(1, kSize);
    swarm.simulation().Start("kill a holder", [&] {
      swarm.simulation().Sleep(absl::Seconds(5));
      for (size_t i = 2; i < swarm.size(); ++i) {
        if (swarm.node(i).GetStatus().store.blocks == 0) continue;
        swarm.Kill(i);
        return;
      }
      ADD_FAILURE() << "nobody is being pushed to: this test shows nothing";
    });
    const auto put = swarm.Put(kUploader, content);
    ASSERT_TRUE(put.ok()) << put.status();
    EXPECT_EQ(put->shortfall, "");
    swarm.Kill(kUploader);
    EXPECT_EQ(swarm.Holders(put->id, kUploader).size(), 3u);
    EXPECT_EQ(swarm.Get(swarm.AddNode(), put->id)->lone(), content);
  });
}

}  // namespace
}  // namespace l2p
