#include "plugins/storage/filesystem/filesystem_store.h"

#include <gtest/gtest.h>

#include "store_world.h"

namespace l2p {
namespace {

using testkit::DiskOp;

class FilesystemTest : public testing::Test {
 protected:
  std::unique_ptr<FilesystemStore> Open() { return *FilesystemStore::Open(host()); }
  Host& host() { return world_->host(0); }
  testkit::MemoryDisk& disk() { return *world_->disk(0); }
  void InTask(std::function<void()> work) {
    const absl::Status status = world_->Run([&] {
      work();
      return absl::OkStatus();
    });
    ASSERT_TRUE(status.ok()) << status;
  }
  std::unique_ptr<Folder> ShelfOf(const Multihash& id) {
    const filesystem::Shelf shelf = filesystem::ShelfOf(id);
    return *(*(**host().folder()).OpenFolder({&shelf.outer, 1}))->OpenFolder({&shelf.inner, 1});
  }
  std::vector<std::string> NamesBeside(const Multihash& id) { return *ShelfOf(id)->List(); }

  std::unique_ptr<testkit::World> world_ = PluginWorlds()();
  const Block block_ = MakeBlock(1, 5000);
  const std::string name_ = block_.id.ToString() + ".5000";
};

TEST_F(FilesystemTest, NamesASyncedBlockByItsIdAndSize) {
  InTask([&] {
    auto store = Open();
    EXPECT_TRUE(PutOne(*store, block_).ok());
    EXPECT_EQ(NamesBeside(block_.id), std::vector<std::string>{"1.new"});
    EXPECT_TRUE(store->Sync().ok());
    EXPECT_EQ(NamesBeside(block_.id), std::vector<std::string>{name_});
    EXPECT_EQ(*(*ShelfOf(block_.id)->Open(name_, Folder::Mode::kRead))->Size(), 5004u);
    EXPECT_EQ(store->Usage().disk_bytes, 8192u);
  });
}

TEST_F(FilesystemTest, TakesEveryIdForTheNameOfAFile) {
  const std::string digest(128, '\xff');
  const Multihash longest = *Multihash::FromDigest(HashCode::kIdentity, AsBytes(digest));
  const std::string name = filesystem::NameOf(longest, kMaxBlock);
  EXPECT_LE(name.size(), 255u);
  ASSERT_TRUE(filesystem::ParseName(name).has_value());
  EXPECT_EQ(filesystem::ParseName(name)->id, longest);
  for (const char* other : {"", ".", "5.new", "notes.txt", "bciq.5", "lost+found"}) {
    EXPECT_FALSE(filesystem::ParseName(other).has_value()) << other;
  }
}

TEST_F(FilesystemTest, LeavesFilesOfOthersAlone) {
  InTask([&] {
    ASSERT_TRUE(WriteFileDurably(**host().folder(), "README", AsBytes("mine")).ok());
    ASSERT_TRUE(PutOne(*Open(), block_).ok());
    ASSERT_TRUE(WriteFileDurably(*ShelfOf(block_.id), "notes.txt", AsBytes("mine")).ok());
    EXPECT_EQ(Open()->Usage().blocks, 0u) << "what was not synced is removed";
    EXPECT_EQ(NamesBeside(block_.id), std::vector<std::string>{"notes.txt"});
  });
}

TEST_F(FilesystemTest, StoresADamagedOrMissingBlockAgain) {
  InTask([&] {
    auto store = Open();
    for (const bool missing : {false, true}) {
      ASSERT_TRUE(PutOne(*store, block_).ok());
      ASSERT_TRUE(store->Sync().ok());
      const std::unique_ptr<Folder> shelf = ShelfOf(block_.id);
      if (missing) {
        ASSERT_TRUE(shelf->Remove(name_).ok());
      } else {
        ASSERT_TRUE((*shelf->Open(name_, Folder::Mode::kWrite))->Resize(4000).ok());
      }
      EXPECT_TRUE(absl::IsDataLoss(GetOne(*store, block_.id).status()));
      EXPECT_TRUE(PutOne(*store, block_).ok());
      EXPECT_TRUE(store->Sync().ok());
      EXPECT_TRUE(GetOne(*store, block_.id).ok());
      EXPECT_EQ(store->Usage().blocks, 1u);
      EXPECT_EQ(NamesBeside(block_.id), std::vector<std::string>{name_});
    }
    store.reset();
    EXPECT_TRUE(GetOne(*Open(), block_.id).ok());
  });
}

TEST_F(FilesystemTest, RewritesWhatAFailedSyncMayHaveLost) {
  InTask([&] {
    auto store = Open();
    ASSERT_TRUE(PutOne(*store, block_).ok());
    disk().FailNth(DiskOp::kSync, 1, absl::UnavailableError("input/output error"));
    EXPECT_FALSE(store->Sync().ok());
    EXPECT_TRUE(GetOne(*store, block_.id).ok());
    EXPECT_EQ(NamesBeside(block_.id), std::vector<std::string>{"1.new"});
    const uint64_t before = disk().counts().bytes_written;
    EXPECT_TRUE(store->Sync().ok());
    EXPECT_GE(disk().counts().bytes_written, before + 5000);
    disk().Crash(1);
    store.reset();
  });
  world_->Restart(0);
  InTask([&] { EXPECT_TRUE(GetOne(*Open(), block_.id).ok()); });
}

TEST_F(FilesystemTest, SyncsItsFoldersAgainWhenThatFailed) {
  InTask([&] {
    auto store = Open();
    ASSERT_TRUE(PutOne(*store, block_).ok());
    disk().FailNth(DiskOp::kFolderSync, 1, absl::UnavailableError("input/output error"));
    EXPECT_FALSE(store->Sync().ok());
    EXPECT_TRUE(store->Sync().ok());
    disk().Crash(1);
    store.reset();
  });
  world_->Restart(0);
  InTask([&] { EXPECT_TRUE(GetOne(*Open(), block_.id).ok()); });
}

}  // namespace
}  // namespace l2p
