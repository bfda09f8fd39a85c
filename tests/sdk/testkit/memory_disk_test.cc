#include "l2p/testkit/memory_disk.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

namespace l2p::testkit {
namespace {

constexpr int kCuts = 200;  // Power cuts tried, each with a seed of its own.

std::unique_ptr<File> Open(MemoryDisk& disk, std::string_view name,
                           Folder::Mode mode = Folder::Mode::kCreate) {
  auto file = disk.root().Open(name, mode);
  EXPECT_TRUE(file.ok()) << file.status();
  return file.ok() ? std::move(*file) : nullptr;
}

absl::Status Write(File& file, uint64_t offset, std::string_view text) {
  const ByteView part = AsBytes(text);
  return file.Write(offset, {&part, 1});
}

std::string Content(MemoryDisk& disk, std::string_view name) {
  return ReadFile(disk.root(), name, 1 << 24).value_or("(missing)");
}

// A disk with the durable file "f" of `content`.
std::unique_ptr<MemoryDisk> DiskWith(std::string_view content) {
  auto disk = std::make_unique<MemoryDisk>();
  EXPECT_TRUE(WriteFileDurably(disk->root(), "f", AsBytes(content)).ok());
  return disk;
}

TEST(MemoryDisk, ReadsBackWhatWasWrittenAndZeroesInHoles) {
  MemoryDisk disk;
  const auto file = Open(disk, "f");
  ASSERT_TRUE(Write(*file, 10000, "end").ok());
  ASSERT_TRUE(Write(*file, 4094, "across").ok());
  std::string wanted(10003, '\0');
  wanted.replace(4094, 6, "across").replace(10000, 3, "end");
  EXPECT_EQ(Content(disk, "f"), wanted);
  ASSERT_TRUE(file->Resize(4096).ok());
  ASSERT_TRUE(file->Resize(8192).ok());
  EXPECT_EQ(Content(disk, "f").substr(4090), std::string(4, '\0') + "ac" + std::string(4096, '\0'));
}

TEST(MemoryDisk, OpensByMode) {
  MemoryDisk disk;
  EXPECT_TRUE(absl::IsNotFound(disk.root().Open("f", Folder::Mode::kRead).status()));
  EXPECT_TRUE(absl::IsNotFound(disk.root().Open("f", Folder::Mode::kWrite).status()));
  Open(disk, "f", Folder::Mode::kNew);
  EXPECT_TRUE(absl::IsAlreadyExists(disk.root().Open("f", Folder::Mode::kNew).status()));
  EXPECT_FALSE(Write(*Open(disk, "f", Folder::Mode::kRead), 0, "x").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(disk.root().Open("a/b", Folder::Mode::kCreate).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(disk.root().Open("..", Folder::Mode::kCreate).status()));
}

TEST(MemoryDisk, SyncedBytesSurviveEveryPowerCut) {
  const std::string content(20000, 's');
  for (int seed = 0; seed < kCuts; ++seed) {
    auto disk = DiskWith(content);
    ASSERT_TRUE(Write(*Open(*disk, "other"), 0, "volatile").ok());
    disk->Crash(seed);
    ASSERT_EQ(Content(*disk, "f"), content) << "seed " << seed;
  }
}

TEST(MemoryDisk, UnsyncedBytesAreKeptOrLostOrTornAtASector) {
  const std::string before(4096, 'a');
  int kept = 0, lost = 0, torn = 0;
  for (int seed = 0; seed < kCuts; ++seed) {
    auto disk = DiskWith(before);
    ASSERT_TRUE(Write(*Open(*disk, "f"), 0, std::string(4096, 'b')).ok());
    disk->Crash(seed);
    const std::string after = Content(*disk, "f");
    ASSERT_EQ(after.size(), 4096u);
    for (size_t sector = 0; sector < 4096; sector += 512) {
      ASSERT_EQ(after.substr(sector, 512), std::string(512, after[sector]));
    }
    const bool has_old = after.find('a') != std::string::npos;
    const bool has_new = after.find('b') != std::string::npos;
    kept += has_new && !has_old;
    lost += has_old && !has_new;
    torn += has_old && has_new;
  }
  EXPECT_GT(kept, 0);
  EXPECT_GT(lost, 0);
  EXPECT_GT(torn, 0);
}

TEST(MemoryDisk, ALaterWriteMayStayWhereAnEarlierOneIsLost) {
  bool seen = false;
  for (int seed = 0; seed < kCuts && !seen; ++seed) {
    auto disk = DiskWith(std::string(8192, 'a'));
    const auto file = Open(*disk, "f");
    ASSERT_TRUE(Write(*file, 0, "1").ok());
    ASSERT_TRUE(Write(*file, 4096, "2").ok());
    disk->Crash(seed);
    const std::string after = Content(*disk, "f");
    seen = after[0] == 'a' && after[4096] == '2';
  }
  EXPECT_TRUE(seen);
}

TEST(MemoryDisk, AnUnsyncedSizeMayComeBack) {
  std::set<size_t> sizes;
  for (int seed = 0; seed < kCuts; ++seed) {
    auto disk = DiskWith(std::string(5000, 'a'));
    ASSERT_TRUE(Open(*disk, "f")->Resize(0).ok());
    disk->Crash(seed);
    const std::string after = Content(*disk, "f");
    sizes.insert(after.size());
  }
  EXPECT_EQ(sizes, (std::set<size_t>{0, 5000}));
}

TEST(MemoryDisk, ANameIsDurableOnlyAfterItsFolderWasSynced) {
  int present = 0;
  for (int seed = 0; seed < kCuts; ++seed) {
    MemoryDisk disk;
    const auto file = Open(disk, "f");
    ASSERT_TRUE(Write(*file, 0, "x").ok());
    ASSERT_TRUE(file->Sync().ok());
    disk.Crash(seed);
    present += disk.root().Open("f", Folder::Mode::kRead).ok();
  }
  EXPECT_GT(present, 0);
  EXPECT_LT(present, kCuts);
}

TEST(MemoryDisk, ARenamingIsAtomic) {
  std::set<std::string> seen;
  for (int seed = 0; seed < kCuts; ++seed) {
    auto disk = DiskWith("old");
    {
      const auto file = Open(*disk, "new");
      ASSERT_TRUE(Write(*file, 0, "new").ok());
      ASSERT_TRUE(file->Sync().ok());
    }
    ASSERT_TRUE(disk->root().Rename("new", "f").ok());
    disk->Crash(seed);
    seen.insert(Content(*disk, "f"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"old", "new"}));
}

TEST(MemoryDisk, ARemovalMayBeUndone) {
  std::set<std::string> seen;
  for (int seed = 0; seed < kCuts; ++seed) {
    auto disk = DiskWith("old");
    ASSERT_TRUE(disk->root().Remove("f").ok());
    disk->Crash(seed);
    seen.insert(Content(*disk, "f"));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"old", "(missing)"}));
}

TEST(MemoryDisk, WriteFileDurablyIsAllOrNothingAtEveryCrashPoint) {
  for (uint64_t point = 1;; ++point) {
    auto disk = DiskWith("old");
    disk->StopAt(point);
    const absl::Status status = WriteFileDurably(disk->root(), "f", AsBytes("brand new"));
    if (!disk->stopped()) break;
    EXPECT_TRUE(absl::IsAborted(status)) << status;
    EXPECT_TRUE(absl::IsAborted(disk->root().List().status()));
    disk->Crash(point);
    const std::string after = Content(*disk, "f");
    EXPECT_TRUE(after == "old" || after == "brand new") << "at " << point << ": " << after;
    ASSERT_LT(point, 20u);
  }
}

TEST(MemoryDisk, HandlesFromBeforeThePowerCutAreDead) {
  auto disk = DiskWith("old");
  const auto file = Open(*disk, "f");
  disk->Crash(1);
  EXPECT_TRUE(absl::IsAborted(Write(*file, 0, "ghost")));
  EXPECT_TRUE(Write(*Open(*disk, "f"), 0, "new").ok());
}

TEST(MemoryDisk, FailsTheChosenOperationOnly) {
  auto disk = DiskWith("old");
  const auto file = Open(*disk, "f");
  disk->FailNth(DiskOp::kSync, 2, absl::UnavailableError("input/output error"));
  EXPECT_TRUE(file->Sync().ok());
  EXPECT_EQ(file->Sync(), absl::UnavailableError("sync /f: input/output error"));
  EXPECT_TRUE(file->Sync().ok());
}

TEST(MemoryDisk, FillsUpAndGivesSpaceBack) {
  MemoryDisk disk;
  disk.SetCapacity(64 * 1024);
  const auto file = Open(disk, "f");
  EXPECT_TRUE(Write(*file, 0, std::string(64 * 1024, 'x')).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Write(*file, 64 * 1024, "y")));
  EXPECT_EQ(disk.root().Free()->free, 0u);
  EXPECT_TRUE(disk.root().Remove("f").ok());
  EXPECT_EQ(disk.used(), 0u);
  EXPECT_TRUE(Write(*Open(disk, "g"), 0, "y").ok());
}

TEST(MemoryDisk, CountsOperationsBySort) {
  MemoryDisk disk;
  ASSERT_TRUE(WriteFileDurably(disk.root(), "f", AsBytes("12345")).ok());
  const MemoryDisk::Counts counts = disk.counts();
  EXPECT_EQ(counts[DiskOp::kSync], 1u);
  EXPECT_EQ(counts[DiskOp::kFolderSync], 1u);
  EXPECT_EQ(counts.bytes_written, 5u);
  EXPECT_EQ(counts.changes(), 6u);  // Create, resize, write, sync, rename, sync of the folder.
}

TEST(MemoryState, ScansByPrefixAndAfter) {
  MemoryDisk disk;
  State& state = **disk.OpenState("kernel");
  const std::vector<State::Change> changes = {{"a", "0"}, {"b1", "1"}, {"b2", "2"}, {"c", "3"}};
  ASSERT_TRUE(state.Commit(changes).ok());
  EXPECT_EQ(state.Scan("b", "", 10)->size(), 2u);
  EXPECT_EQ(state.Scan("b", "b1", 10)->front().key, "b2");
  EXPECT_EQ(state.Scan("", "", 3)->size(), 3u);
  const std::vector<State::Change> removal = {{"b1", std::nullopt}};
  ASSERT_TRUE(state.Commit(removal).ok());
  EXPECT_TRUE(absl::IsNotFound(state.Get("b1").status()));
  EXPECT_EQ(*disk.OpenState("kernel"), &state);
}

TEST(MemoryState, ACommitThatWasCutShortHappenedWhollyOrNotAtAll) {
  int happened = 0;
  for (int seed = 0; seed < kCuts; ++seed) {
    MemoryDisk disk;
    State& state = **disk.OpenState("kernel");
    const std::vector<State::Change> durable = {{"a", "1"}, {"b", "1"}};
    const std::vector<State::Change> cut_short = {{"a", "2"}, {"b", "2"}};
    ASSERT_TRUE(state.Commit(durable).ok());
    disk.StopAt(1);
    EXPECT_TRUE(absl::IsAborted(state.Commit(cut_short)));
    disk.Crash(seed);
    ASSERT_EQ(*state.Get("a"), *state.Get("b"));
    happened += *state.Get("a") == "2";
  }
  EXPECT_GT(happened, 0);
  EXPECT_LT(happened, kCuts);
}

}  // namespace
}  // namespace l2p::testkit
