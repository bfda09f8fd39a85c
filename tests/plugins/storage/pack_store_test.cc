#include <gtest/gtest.h>

#include "store_world.h"

namespace l2p {
namespace {

class PackTest : public testing::Test {
 protected:
  static constexpr pack::PackLog::Options kSmall{.segment_bytes = 64 * 1024,
                                                 .reserve_bytes = 16 * 1024};

  std::unique_ptr<PackStore> Open() { return *PackStore::Open(host(), kSmall); }
  Host& host() { return world_->host(0); }
  testkit::MemoryDisk& disk() { return *world_->disk(0); }
  void InTask(std::function<void()> work) {
    const absl::Status status = world_->Run([&] {
      work();
      return absl::OkStatus();
    });
    ASSERT_TRUE(status.ok()) << status;
  }

  // Puts blocks number 0 .. count - 1 of `size` bytes.
  void Fill(PackStore& store, size_t count, size_t size) {
    for (size_t i = 0; i < count; ++i) {
      blocks_.push_back(MakeBlock(i, size));
      ASSERT_TRUE(PutOne(store, blocks_.back()).ok());
    }
  }
  // Changes one bit of a file.
  void Flip(const std::string& name, uint64_t offset) {
    auto file = *(**host().folder()).Open(name, Folder::Mode::kWrite);
    uint8_t byte;
    ASSERT_EQ(*file->Read(offset, {&byte, 1}), 1u);
    byte ^= 4;
    const ByteView part(&byte, 1);
    ASSERT_TRUE(file->Write(offset, {&part, 1}).ok());
  }
  size_t CountReadable(PackStore& store) {
    size_t readable = 0;
    for (const Block& block : blocks_) {
      const absl::StatusOr<Bytes> got = GetOne(store, block.id);
      if (got.ok()) {
        EXPECT_TRUE(Equal(*got, block.data));
        ++readable;
      }
    }
    return readable;
  }

  std::unique_ptr<testkit::World> world_ = PluginWorlds()();
  std::vector<Block> blocks_;
};

TEST_F(PackTest, LosesOnlyTheBlockWhoseBitFlippedInASealedSegment) {
  InTask([&] {
    Fill(*Open(), 100, 4000);
    // Block 0's record begins after the segment's header; any byte of it may flip.
    for (uint64_t offset : {24u, 33u, 40u, 50u, 1000u, 4078u, 4081u}) {
      Flip(pack::SegmentName(1), offset);
      auto store = Open();
      EXPECT_TRUE(absl::IsDataLoss(GetOne(*store, blocks_[0].id).status())) << offset;
      EXPECT_EQ(CountReadable(*store), 99u);
      store.reset();
      Flip(pack::SegmentName(1), offset);
    }
    EXPECT_EQ(CountReadable(*Open()), 100u);
  });
}

TEST_F(PackTest, StoresADamagedBlockAgain) {
  InTask([&] {
    Fill(*Open(), 40, 4000);
    Flip(pack::SegmentName(1), 1000);
    auto store = Open();
    EXPECT_TRUE(absl::IsDataLoss(GetOne(*store, blocks_[0].id).status()));
    EXPECT_TRUE(PutOne(*store, blocks_[0]).ok());
    EXPECT_EQ(CountReadable(*store), 40u);
    store.reset();
    EXPECT_EQ(CountReadable(*Open()), 40u);
  });
}

TEST_F(PackTest, MakesAMissingOrDamagedIndexAgain) {
  InTask([&] {
    Fill(*Open(), 100, 4000);
    Folder& folder = **host().folder();
    const std::map<std::string, uint64_t> before = FilesOf(host());
    ASSERT_TRUE(before.contains(pack::IndexName(1)));
    ASSERT_TRUE(folder.Remove(pack::IndexName(1)).ok());
    EXPECT_EQ(CountReadable(*Open()), 100u);
    for (uint64_t offset : {3u, 20u, 40u, 200u, 300u}) {
      Flip(pack::IndexName(2), offset);
      EXPECT_EQ(CountReadable(*Open()), 100u) << offset;
    }
    EXPECT_EQ(FilesOf(host()), before);
  });
}

TEST_F(PackTest, FindsTheOtherRecordsWhenHeaderAndIndexAreDamaged) {
  InTask([&] {
    Fill(*Open(), 100, 4000);
    Flip(pack::SegmentName(1), 24 + 9);
    ASSERT_TRUE((**host().folder()).Remove(pack::IndexName(1)).ok());
    auto store = Open();
    EXPECT_TRUE(absl::IsNotFound(GetOne(*store, blocks_[0].id).status()));
    EXPECT_EQ(CountReadable(*store), 99u);
  });
}

TEST_F(PackTest, StaysUsableOnAFullDisk) {
  InTask([&] {
    auto store = Open();
    Fill(*store, 50, 4000);
    disk().SetCapacity(disk().used() + 40'000);
    std::vector<Block> more;
    for (size_t i = 0; i < 50; ++i) more.push_back(MakeBlock(1000 + i, 4000));
    std::vector<absl::Status> out(more.size());
    store->Put(more, out);
    EXPECT_TRUE(absl::IsResourceExhausted(out.back())) << out.back();
    EXPECT_EQ(CountReadable(*store), 50u);
    EXPECT_TRUE(store->Sync().ok());
    // Deleting works on the full disk, and what it frees can be used again.
    for (const Block& block : blocks_) EXPECT_TRUE(DeleteOne(*store, block.id).ok());
    EXPECT_TRUE(store->Sync().ok());
    Pause(host(), absl::Seconds(5));
    for (size_t i = 0; i < 20; ++i) EXPECT_TRUE(PutOne(*store, more[i]).ok()) << i;
    store.reset();
    store = Open();
    EXPECT_EQ(CountReadable(*store), 0u);
    EXPECT_TRUE(GetOne(*store, more[0].id).ok());
  });
}

TEST_F(PackTest, GivesBackTheSpaceOfDeletedBlocks) {
  InTask([&] {
    auto store = Open();
    Fill(*store, 1000, 4000);
    for (size_t i = 0; i < blocks_.size(); ++i) {
      if (i % 10 == 0) continue;
      ASSERT_TRUE(DeleteOne(*store, blocks_[i].id).ok());
    }
    Pause(host(), absl::Minutes(1));
    const BlockStore::StoreUsage usage = store->Usage();
    EXPECT_EQ(usage.bytes, 400'000u);
    EXPECT_LE(BytesOf(host()), usage.bytes * 13 / 10);
    EXPECT_EQ(BytesOf(host()), usage.disk_bytes);
    EXPECT_EQ(CountReadable(*store), 100u);
    store.reset();
    EXPECT_EQ(CountReadable(*Open()), 100u);
  });
}

TEST_F(PackTest, DropsDeleteRecordsOnceNothingIsLeftToDelete) {
  InTask([&] {
    auto store = Open();
    for (size_t round = 0; round < 20; ++round) {
      blocks_.clear();
      Fill(*store, 100, 1000);
      for (const Block& block : blocks_) ASSERT_TRUE(DeleteOne(*store, block.id).ok());
      Pause(host(), absl::Seconds(5));
    }
    EXPECT_LE(BytesOf(host()), 64 * 1024u + kSmall.reserve_bytes);
    store.reset();
    EXPECT_EQ(Open()->Usage().blocks, 0u);
  });
}

TEST_F(PackTest, RewritesWhatAFailedSyncMayHaveLost) {
  InTask([&] {
    auto store = Open();
    Fill(*store, 5, 4000);
    disk().FailNth(testkit::DiskOp::kSync, 1, absl::UnavailableError("input/output error"));
    EXPECT_FALSE(store->Sync().ok());
    EXPECT_TRUE(store->Sync().ok());
    EXPECT_FALSE(FilesOf(host()).contains(pack::SegmentName(1)));
    EXPECT_EQ(CountReadable(*store), 5u);
    disk().Crash(1);
    store.reset();
  });
  world_->Restart(0);
  InTask([&] { EXPECT_EQ(CountReadable(*Open()), 5u); });
}

TEST_F(PackTest, AnswersAFailedWriteAndGoesOn) {
  InTask([&] {
    auto store = Open();
    Fill(*store, 3, 4000);
    const Block block = MakeBlock(77, 4000);
    disk().FailNth(testkit::DiskOp::kWrite, 1, absl::UnavailableError("input/output error"));
    EXPECT_TRUE(absl::IsUnavailable(PutOne(*store, block)));
    EXPECT_EQ(SizeOf(*store, block.id), -1);
    EXPECT_TRUE(PutOne(*store, block).ok());
    disk().FailNth(testkit::DiskOp::kRead, 1, absl::UnavailableError("input/output error"));
    EXPECT_TRUE(absl::IsUnavailable(GetOne(*store, block.id).status()));
    EXPECT_TRUE(GetOne(*store, block.id).ok());
    EXPECT_EQ(CountReadable(*store), 3u);
  });
}

TEST_F(PackTest, OpensWhatWasClosedInOrderWithoutReadingItsBlocks) {
  InTask([&] {
    Fill(*Open(), 10, 4000);
    ASSERT_TRUE(FilesOf(host()).contains(pack::IndexName(1)));
    // A scan would take the changed record for a torn end, and cut off all ten.
    Flip(pack::SegmentName(1), 1000);
    auto store = Open();
    EXPECT_TRUE(absl::IsDataLoss(GetOne(*store, blocks_[0].id).status()));
    EXPECT_EQ(CountReadable(*store), 9u);
    Flip(pack::SegmentName(1), 1000);
    // The same segment goes on, with what was deleted and put again: too little to compact.
    const Block one = MakeBlock(100, 50);
    const Block other = MakeBlock(101, 50);
    for (const Block* block : {&one, &other}) {
      ASSERT_TRUE(PutOne(*store, *block).ok());
      ASSERT_TRUE(DeleteOne(*store, block->id).ok());
    }
    ASSERT_TRUE(PutOne(*store, other).ok());
    store.reset();
    store = Open();
    EXPECT_TRUE(absl::IsNotFound(GetOne(*store, one.id).status()));
    EXPECT_TRUE(GetOne(*store, other.id).ok());
    EXPECT_EQ(CountReadable(*store), 10u);
    EXPECT_FALSE(FilesOf(host()).contains(pack::SegmentName(2)));
  });
}

TEST_F(PackTest, DoesNotTrustAnIndexOfAnEarlierClosing) {
  InTask([&] {
    Fill(*Open(), 3, 4000);
    Folder& folder = **host().folder();
    const auto old = *folder.Open(pack::IndexName(1), Folder::Mode::kRead);
    std::vector<uint8_t> bytes(*old->Size());
    ASSERT_TRUE(old->Read(0, bytes).ok());
    Fill(*Open(), 2, 1000);
    ASSERT_TRUE(WriteFileDurably(folder, pack::IndexName(1), bytes).ok());
    EXPECT_EQ(CountReadable(*Open()), 5u);
  });
}

TEST_F(PackTest, SharesASyncBetweenThoseWhoWait) {
  InTask([&] {
    auto store = Open();
    Fill(*store, 1, 4000);
    ASSERT_TRUE(store->Sync().ok());
    const uint64_t before = disk().counts()[testkit::DiskOp::kSync];
    EXPECT_TRUE(store->Sync().ok());
    EXPECT_EQ(disk().counts()[testkit::DiskOp::kSync], before);
  });
}

}  // namespace
}  // namespace l2p
