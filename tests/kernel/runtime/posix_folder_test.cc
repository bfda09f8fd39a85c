#include "kernel/runtime/posix_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/temp_folder.h"

namespace l2p {
namespace {

using testing::ElementsAre;

class PosixFolderTest : public testing::Test {
 protected:
  static absl::Status Put(Folder& folder, std::string_view name, std::string_view content) {
    return WriteFileDurably(folder, name, AsBytes(content));
  }

  TempFolder temporary_;
  std::unique_ptr<PosixFolder> folder_ = *PosixFolder::OpenPath(temporary_ / "data/inner");
};

TEST_F(PosixFolderTest, MakesTheFolderAndItsParentsForTheOwnerOnly) {
  struct stat info;
  ASSERT_EQ(stat((temporary_ / "data/inner").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
}

TEST_F(PosixFolderTest, ReadsWhatWasWrittenInParts) {
  const auto file = *folder_->Open("f", Folder::Mode::kNew);
  const std::string big(100000, 'x');
  const ByteView parts[] = {AsBytes("ab"), {}, AsBytes(big), AsBytes("yz")};
  ASSERT_TRUE(file->Write(3, parts).ok());
  ASSERT_TRUE(file->Sync().ok());
  EXPECT_EQ(*file->Size(), 3 + 2 + big.size() + 2);
  std::string content(*file->Size() + 10, '?');
  const auto read = file->Read(0, {reinterpret_cast<uint8_t*>(content.data()), content.size()});
  ASSERT_TRUE(read.ok());
  content.resize(*read);
  EXPECT_EQ(content, std::string("\0\0\0ab", 5) + big + "yz");
}

TEST_F(PosixFolderTest, WritesMorePartsThanOneSystemCallTakes) {
  const auto file = *folder_->Open("f", Folder::Mode::kNew);
  const std::vector<ByteView> parts(3000, AsBytes("abc"));
  ASSERT_TRUE(file->Write(0, parts).ok());
  EXPECT_EQ(*file->Size(), 9000u);
}

TEST_F(PosixFolderTest, TheModesDifferAsTheContractSays) {
  using Mode = Folder::Mode;
  EXPECT_TRUE(absl::IsNotFound(folder_->Open("f", Mode::kRead).status()));
  EXPECT_TRUE(absl::IsNotFound(folder_->Open("f", Mode::kWrite).status()));
  ASSERT_TRUE(folder_->Open("f", Mode::kCreate).ok());
  EXPECT_TRUE(absl::IsAlreadyExists(folder_->Open("f", Mode::kNew).status()));
  ASSERT_TRUE((*folder_->Open("f", Mode::kWrite))->Resize(7).ok());
  EXPECT_EQ(*(*folder_->Open("f", Mode::kCreate))->Size(), 7u);
  const ByteView part = AsBytes("x");
  EXPECT_FALSE((*folder_->Open("f", Mode::kRead))->Write(0, {&part, 1}).ok());
}

TEST_F(PosixFolderTest, RefusesNamesThatLeadElsewhere) {
  const std::string with_nul("a\0b", 3);
  for (const std::string& name : {std::string(), std::string("."), std::string(".."),
                                  std::string("a/b"), std::string("/etc"), with_nul}) {
    EXPECT_TRUE(absl::IsInvalidArgument(folder_->Open(name, Folder::Mode::kCreate).status()));
    EXPECT_TRUE(absl::IsInvalidArgument(folder_->OpenFolder(name).status()));
    EXPECT_TRUE(absl::IsInvalidArgument(folder_->Remove(name)));
    EXPECT_TRUE(absl::IsInvalidArgument(folder_->Rename("a", name)));
    EXPECT_TRUE(absl::IsInvalidArgument(folder_->Rename(name, "a")));
  }
}

TEST_F(PosixFolderTest, ListsSortedAndAgain) {
  ASSERT_TRUE(Put(*folder_, "b", "1").ok());
  ASSERT_TRUE(Put(*folder_, "a", "2").ok());
  ASSERT_TRUE(folder_->OpenFolder("c").ok());
  EXPECT_THAT(*folder_->List(), ElementsAre("a", "b", "c"));
  EXPECT_THAT(*folder_->List(), ElementsAre("a", "b", "c"));
}

TEST_F(PosixFolderTest, RenameReplacesTheTarget) {
  ASSERT_TRUE(Put(*folder_, "old", "new content").ok());
  ASSERT_TRUE(Put(*folder_, "name", "before").ok());
  ASSERT_TRUE(folder_->Rename("old", "name").ok());
  EXPECT_EQ(*ReadFile(*folder_, "name", 100), "new content");
  EXPECT_TRUE(absl::IsNotFound(folder_->Rename("old", "name")));
}

TEST_F(PosixFolderTest, RemovesAFolderButNotWhatItsLinksPointTo) {
  const auto kept = *folder_->OpenFolder("kept");
  ASSERT_TRUE(Put(*kept, "file", "x").ok());
  const auto gone = *folder_->OpenFolder("gone");
  ASSERT_TRUE(Put(**gone->OpenFolder("deep"), "file", "x").ok());
  std::filesystem::create_directory_symlink(temporary_ / "data/inner/kept",
                                            temporary_ / "data/inner/gone/link");
  ASSERT_TRUE(folder_->Remove("gone").ok());
  EXPECT_THAT(*folder_->List(), ElementsAre("kept"));
  EXPECT_THAT(*kept->List(), ElementsAre("file"));
  EXPECT_TRUE(absl::IsNotFound(folder_->Remove("gone")));
}

TEST_F(PosixFolderTest, TellsTheFreeSpace) {
  const auto space = folder_->Free();
  ASSERT_TRUE(space.ok());
  EXPECT_GT(space->total, space->free);
  EXPECT_TRUE(folder_->Sync().ok());
}

TEST_F(PosixFolderTest, AnErrorNamesTheFile) {
  const absl::Status status = folder_->Open("missing", Folder::Mode::kRead).status();
  EXPECT_EQ(status.message(),
            "open " + (temporary_ / "data/inner/missing") + ": no such file or directory");
}

}  // namespace
}  // namespace l2p
