#include "kernel/content/moving_store.h"

#include <gtest/gtest.h>

#include <map>

#include "l2p/testkit/block_store_conformance.h"
#include "l2p/testkit/gtest_conformance.h"
#include "l2p/testkit/memory_disk.h"
#include "l2p/testkit/sim_runtime.h"
#include "l2p/testkit/simulation.h"
#include "l2p/testkit/test_host.h"
#include "l2p/testkit/worlds.h"
#include "plugins/storage/memory/memory_store.h"

namespace l2p {
namespace {

constexpr uint64_t kRoom = 1 << 30;

Block MakeBlock(uint8_t number, size_t size = 100) {
  const std::string digest(32, static_cast<char>(number));
  return {*Multihash::FromDigest(HashCode::kSha2_256, AsBytes(digest)),
          Bytes::Of(testkit::TestBytes(number, size))};
}

// A store that may be slow, and some of whose blocks cannot be read.
class BrokenStore : public MemoryStore {
 public:
  explicit BrokenStore(testkit::Simulation& simulation)
      : MemoryStore(kRoom), simulation_(simulation) {}
  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) override {
    if (takes > absl::ZeroDuration()) simulation_.Sleep(takes);
    MemoryStore::Get(ids, out);
    for (size_t i = 0; i < ids.size(); ++i) {
      if (broken.contains(ids[i])) out[i] = broken.at(ids[i]);
    }
  }
  Duration takes;
  std::map<Multihash, absl::Status> broken;

 private:
  testkit::Simulation& simulation_;
};

// A host that tells what it runs on.
struct OpenHost : testkit::TestHost {
  explicit OpenHost(Runtime& its_runtime) : TestHost(its_runtime), runtime(its_runtime) {}
  Runtime& runtime;
};

class MovingStoreTest : public testing::Test {
 protected:
  MovingStoreTest() {
    auto from = std::make_unique<BrokenStore>(simulation_);
    from_ = from.get();
    for (uint8_t i = 0; i < 10; ++i) EXPECT_TRUE(PutOne(*from_, MakeBlock(i)).ok());
    auto to = std::make_unique<MemoryStore>(kRoom);
    to_ = to.get();
    store_ = std::make_unique<MovingStore>(runtime_, std::move(from), std::move(to));
  }

  static bool Never() { return false; }

  std::map<Multihash, int> Scanned() {
    std::map<Multihash, int> seen;
    std::string token;
    do {
      const BlockStore::Page page = *store_->Scan(token, 3);
      for (const Multihash& id : page.ids) ++seen[id];
      token = page.token;
    } while (!token.empty());
    return seen;
  }

  absl::Status Delete(const Multihash& id) {
    absl::Status status;
    store_->Delete({&id, 1}, {&status, 1});
    return status;
  }

  bool Has(const Multihash& id) {
    int64_t size = 0;
    return store_->Has({&id, 1}, {&size, 1}).ok() && size >= 0;
  }

  testkit::Simulation simulation_{1};
  testkit::MemoryDisk disk_;
  testkit::SimRuntime runtime_{simulation_, disk_, "node"};
  BrokenStore* from_;
  MemoryStore* to_;
  std::unique_ptr<MovingStore> store_;
};

TEST_F(MovingStoreTest, ReadsFromBothAndWritesToTheSecond) {
  simulation_.Run([&] {
    ASSERT_TRUE(PutOne(*store_, MakeBlock(20)).ok());
    ASSERT_TRUE(PutOne(*store_, MakeBlock(3)).ok());
    EXPECT_EQ(from_->Usage().blocks, 10u);
    EXPECT_EQ(to_->Usage().blocks, 2u);
    EXPECT_TRUE(GetOne(*store_, MakeBlock(20).id).ok());
    EXPECT_TRUE(GetOne(*store_, MakeBlock(7).id).ok());
    EXPECT_TRUE(absl::IsNotFound(GetOne(*store_, MakeBlock(30).id).status()));
    const std::map<Multihash, int> seen = Scanned();
    EXPECT_EQ(seen.size(), 11u);
    for (const auto& [id, times] : seen) EXPECT_EQ(times, 1) << id.ToString();
  });
}

TEST_F(MovingStoreTest, HasEverythingAfterTheFirstIsGone) {
  simulation_.Run([&] {
    ASSERT_EQ(store_->CopyAll(Never), absl::OkStatus());
    EXPECT_EQ(store_->progress().copied, 10u);
    EXPECT_EQ(store_->Usage().blocks, 10u);
    EXPECT_EQ(store_->Usage().bytes, 1000u);
    EXPECT_EQ(Scanned().size(), 10u);
    store_->Close();
    EXPECT_EQ(Scanned().size(), 10u);
    for (uint8_t i = 0; i < 10; ++i) {
      const auto data = GetOne(*store_, MakeBlock(i).id);
      ASSERT_TRUE(data.ok()) << data.status();
      EXPECT_EQ(AsText(*data), AsText(MakeBlock(i).data));
    }
  });
}

TEST_F(MovingStoreTest, ADeletedBlockIsGoneFromBoth) {
  simulation_.Run([&] {
    ASSERT_TRUE(Delete(MakeBlock(4).id).ok());
    EXPECT_FALSE(Has(MakeBlock(4).id));
    ASSERT_EQ(store_->CopyAll(Never), absl::OkStatus());
    ASSERT_TRUE(Delete(MakeBlock(5).id).ok());
    store_->Close();
    EXPECT_FALSE(Has(MakeBlock(4).id));
    EXPECT_FALSE(Has(MakeBlock(5).id));
    EXPECT_EQ(Scanned().size(), 8u);
  });
}

TEST_F(MovingStoreTest, StopsBetweenBlocksAndGoesOnWhereItWas) {
  simulation_.Run([&] {
    for (uint8_t i = 40; i < 43; ++i) {
      ASSERT_TRUE(PutOne(*from_, MakeBlock(i, kMaxBlock)).ok());
    }
    int asked = 0;
    const auto at_second = [&] { return ++asked == 2; };
    EXPECT_TRUE(absl::IsAborted(store_->CopyAll(at_second)));
    const uint64_t copied = store_->progress().copied;
    EXPECT_GT(copied, 0u);
    EXPECT_LT(copied, 13u);
    ASSERT_EQ(store_->CopyAll(Never), absl::OkStatus());
    EXPECT_EQ(store_->progress().copied, 13u);
  });
}

TEST_F(MovingStoreTest, LeavesBehindWhatIsDamagedAndWaitsForWhatIsBusy) {
  simulation_.Run([&] {
    from_->broken[MakeBlock(2).id] = absl::DataLossError("rotten");
    from_->broken[MakeBlock(6).id] = absl::UnavailableError("busy");
    EXPECT_TRUE(absl::IsUnavailable(store_->CopyAll(Never)));
    from_->broken.erase(MakeBlock(6).id);
    ASSERT_EQ(store_->CopyAll(Never), absl::OkStatus());
    EXPECT_EQ(store_->progress().copied, 9u);
    EXPECT_EQ(store_->progress().damaged, 1u);
    EXPECT_TRUE(absl::IsDataLoss(GetOne(*store_, MakeBlock(2).id).status()));
  });
}

TEST_F(MovingStoreTest, PrefersAGoodCopyOfTheFirstToADamagedOneOfTheSecond) {
  simulation_.Run([&] {
    auto from = std::make_unique<MemoryStore>(kRoom);
    auto to = std::make_unique<BrokenStore>(simulation_);
    ASSERT_TRUE(PutOne(*from, MakeBlock(1)).ok());
    ASSERT_TRUE(PutOne(*to, MakeBlock(1)).ok());
    to->broken[MakeBlock(1).id] = absl::DataLossError("rotten");
    MovingStore store(runtime_, std::move(from), std::move(to));
    EXPECT_TRUE(GetOne(store, MakeBlock(1).id).ok());
  });
}

TEST_F(MovingStoreTest, CloseWaitsForTheCallsThatUseTheFirst) {
  simulation_.Run([&] {
    ASSERT_EQ(store_->CopyAll(Never), absl::OkStatus());
    absl::Status read;
    bool closed = false;
    from_->takes = absl::Seconds(10);
    simulation_.Start("read", [&] { read = GetOne(*store_, MakeBlock(99).id).status(); });
    simulation_.Start("close", [&] {
      store_->Close();
      closed = true;
    });
    simulation_.Sleep(absl::Seconds(9));
    EXPECT_FALSE(closed);
    simulation_.Sleep(absl::Seconds(2));
    EXPECT_TRUE(closed);
    EXPECT_TRUE(absl::IsNotFound(read));
  });
}

TEST_F(MovingStoreTest, ADeleteWaitsUntilTheBlockIsCopied) {
  simulation_.Run([&] {
    from_->takes = absl::Seconds(10);
    absl::Status copied = absl::UnknownError("still copying");
    simulation_.Start("copy", [&] { copied = store_->CopyAll(Never); });
    simulation_.Sleep(absl::Seconds(1));
    ASSERT_TRUE(Delete(MakeBlock(4).id).ok());
    simulation_.Sleep(absl::Minutes(1));
    EXPECT_EQ(copied, absl::OkStatus());
    store_->Close();
    EXPECT_FALSE(Has(MakeBlock(4).id));
    EXPECT_TRUE(Has(MakeBlock(5).id));
  });
}

// While the first has nothing, it is a store like any other.
L2P_TEST_CONFORMANCE(Moving, testkit::BlockStoreConformance(
                                 [](Host& host) {
                                   return std::make_unique<MovingStore>(
                                       static_cast<OpenHost&>(host).runtime,
                                       std::make_unique<MemoryStore>(kRoom),
                                       std::make_unique<MemoryStore>(kRoom));
                                 },
                                 testkit::SimWorlds([](Runtime& runtime, size_t) {
                                   return std::make_unique<OpenHost>(runtime);
                                 })));

}  // namespace
}  // namespace l2p
