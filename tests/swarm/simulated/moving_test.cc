// storage.plugin is edited: the blocks move, whatever happens meanwhile.
#include <gmock/gmock.h>

#include "l2p/testkit/conformance.h"
#include "tests/swarm/simulated/sim_swarm.h"

namespace l2p {
namespace {

using testkit::TestBytes;

constexpr size_t kFiles = 3;
constexpr char kPack[] = "storage.plugin=pack";
constexpr char kFilesystem[] = "storage.plugin=filesystem";
const Duration kLongEnough = absl::Minutes(5);

std::string FileOf(size_t i) { return TestBytes(i, 100'000 + 50'000 * i); }

class MovingStorage : public testing::Test {
 protected:
  void PutFiles(SimSwarm& swarm) {
    for (size_t i = 0; i < kFiles; ++i) {
      const auto put = swarm.Put(0, FileOf(i), SimSwarm::Local());
      ASSERT_TRUE(put.ok()) << put.status();
      files_[put->id.ToString()] = FileOf(i);
    }
  }

  void ExpectAllReadable(SimSwarm& swarm) {
    for (const auto& [id, bytes] : files_) {
      const auto got = swarm.Get(0, *Cid::FromString(id), true);
      ASSERT_TRUE(got.ok()) << id << ": " << got.status();
      EXPECT_TRUE(got->lone() == bytes) << id;
    }
  }

  void ExpectAllIn(SimSwarm& swarm, const std::string& store) {
    swarm.simulation().Sleep(kLongEnough);
    EXPECT_FALSE(swarm.node(0).GetStatus().move.has_value());
    EXPECT_EQ(*(*swarm.disk(0).root().OpenFolder("storage"))->List(),
              std::vector<std::string>{store});
    ExpectAllReadable(swarm);
  }

  static absl::Status Restart(SimSwarm& swarm, const char* setting) {
    swarm.ChangeSettings(0, {setting});
    return swarm.TryStart(0);
  }

  std::map<std::string, std::string> files_;  // By id.
};

TEST_F(MovingStorage, AnEditedPluginAndARestartMoveAllBlocks) {
  SimSwarm swarm({.nodes = 1});
  swarm.Run([&] {
    PutFiles(swarm);
    const BlockStore::StoreUsage before = swarm.node(0).GetStatus().store;
    swarm.Stop(0);
    ASSERT_EQ(Restart(swarm, kFilesystem), absl::OkStatus());
    ASSERT_TRUE(swarm.node(0).GetStatus().move.has_value());
    EXPECT_EQ(swarm.node(0).GetStatus().move->from, "pack");
    EXPECT_EQ(swarm.node(0).GetStatus().move->progress.blocks, before.blocks);
    ExpectAllReadable(swarm);
    PutFiles(swarm);  // What is there already, and
    files_[swarm.Put(0, FileOf(7), SimSwarm::Local())->id.ToString()] = FileOf(7);
    ExpectAllIn(swarm, "filesystem");
    EXPECT_GT(swarm.node(0).GetStatus().store.blocks, before.blocks);

    swarm.Stop(0);
    ASSERT_EQ(Restart(swarm, kPack), absl::OkStatus());
    ExpectAllIn(swarm, "pack");
  });
}

TEST_F(MovingStorage, WhatIsRemovedMeanwhileDoesNotComeBack) {
  SimSwarm swarm({.nodes = 1});
  swarm.Run([&] {
    PutFiles(swarm);
    swarm.Stop(0);
    ASSERT_EQ(Restart(swarm, kFilesystem), absl::OkStatus());
    ASSERT_EQ(swarm.node(0).content().Remove(files_.begin()->first), absl::OkStatus());
    files_.erase(files_.begin());
    ExpectAllIn(swarm, "filesystem");
    uint64_t bytes = 0;
    for (const auto& [id, content] : files_) bytes += content.size();
    EXPECT_LT(swarm.node(0).GetStatus().store.bytes, bytes + 10'000);
  });
}

TEST_F(MovingStorage, ADiskThatIsFullHoldsItUpUntilThereIsRoom) {
  SimSwarm swarm({.nodes = 1});
  swarm.Run([&] {
    PutFiles(swarm);
    swarm.Stop(0);
    swarm.disk(0).SetCapacity(swarm.disk(0).used() + 64 * 1024);
    ASSERT_EQ(Restart(swarm, kFilesystem), absl::OkStatus());
    swarm.simulation().Sleep(absl::Minutes(2));
    const KernelNode::Status status = swarm.node(0).GetStatus();
    ASSERT_TRUE(status.move.has_value());
    EXPECT_NE(status.move->problem, "");
    size_t moves_away = 0;
    for (const KernelNode::ActivePlugin& plugin : swarm.node(0).ActivePlugins()) {
      if (plugin.role == KernelNode::Role::kMovesAway) ++moves_away;
    }
    EXPECT_EQ(moves_away, 1u);
    EXPECT_THAT(status.advice,
                testing::Contains(testing::HasSubstr("moving blocks to filesystem")));
    ExpectAllReadable(swarm);
    swarm.disk(0).SetCapacity(uint64_t{1} << 40);
    ExpectAllIn(swarm, "filesystem");
  });
}

TEST_F(MovingStorage, ToAStoreThatForgetsIsRefused) {
  SimSwarm swarm({.nodes = 1});
  swarm.Run([&] {
    PutFiles(swarm);
    swarm.Stop(0);
    const absl::Status refused = Restart(swarm, "storage.plugin=memory");
    EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
    EXPECT_NE(refused.message().find("forgets everything"), std::string::npos) << refused;
    ASSERT_EQ(Restart(swarm, kPack), absl::OkStatus());
    ExpectAllIn(swarm, "pack");
  });
}

// Restarts with one or the other setting while the power goes again and again.
TEST_F(MovingStorage, LosesNothingWhereverThePowerGoes) {
  size_t interrupted = 0;
  for (uint64_t seed = 1; seed <= 300 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    files_.clear();
    SimSwarm swarm({.nodes = 1, .seed = seed});
    swarm.Run([&] {
      PutFiles(swarm);
      swarm.Stop(0);
      for (uint64_t cut = 0; cut < 4; ++cut) {
        const char* const wanted = (seed >> cut) % 3 == 0 ? kPack : kFilesystem;
        swarm.disk(0).StopAt(1 + (seed * 7919 + cut * 101) % 120);
        if (Restart(swarm, wanted).ok()) {
          swarm.simulation().Sleep(absl::Seconds(1));
          if (swarm.disk(0).stopped()) ++interrupted;
          swarm.CutPower(0);
        } else {
          swarm.disk(0).Crash(seed);
        }
        ASSERT_EQ(Restart(swarm, wanted), absl::OkStatus());
        ExpectAllReadable(swarm);
        if (HasFailure()) return;
        swarm.Kill(0);
      }
      ASSERT_EQ(Restart(swarm, kFilesystem), absl::OkStatus());
      ExpectAllIn(swarm, "filesystem");
    });
  }
  EXPECT_GT(interrupted, 300u);
}

}  // namespace
}  // namespace l2p
