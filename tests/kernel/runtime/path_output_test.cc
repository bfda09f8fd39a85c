#include "kernel/runtime/path_output.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/temp_folder.h"

namespace l2p {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

std::unique_ptr<PathOutput> OpenOutput(const std::string& target) {
  absl::StatusOr<std::unique_ptr<PathOutput>> output = PathOutput::Open(target);
  EXPECT_TRUE(output.ok()) << output.status();
  return output.ok() ? *std::move(output) : nullptr;
}

std::string ContentOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

absl::Status WriteFile(PathOutput& output, std::string_view path, const std::string& content) {
  L2P_RETURN_IF_ERROR(output.BeginFile(path, content.size()));
  L2P_RETURN_IF_ERROR(output.Write(0, Bytes::Of(std::string(content))));
  return output.EndFile();
}

TEST(PathOutput, PutsAFileInPlaceWhenItIsWhole) {
  TempFolder folder;
  const std::string target = folder / "file";
  const auto output = OpenOutput(target);
  ASSERT_TRUE(WriteFile(*output, "", "content").ok());
  EXPECT_FALSE(fs::exists(target));
  ASSERT_TRUE(output->Commit().ok());
  EXPECT_EQ(ContentOf(target), "content");
  EXPECT_FALSE(fs::exists(target + ".l2p-part"));
}

TEST(PathOutput, WritesALargeFileInAnyOrder) {
  TempFolder folder;
  constexpr uint64_t kPart = 4 << 20;
  constexpr uint64_t kParts = 10;
  const auto output = OpenOutput(folder / "large");
  ASSERT_TRUE(output->BeginFile("", kParts * kPart).ok());
  std::string content;
  for (uint64_t i = 0; i < kParts; ++i) {
    const uint64_t turn = i * 7 % kParts;
    const std::string part(kPart, static_cast<char>('a' + turn));
    ASSERT_TRUE(output->Write(turn * kPart, Bytes::Of(std::string(part))).ok());
    content.append(kPart, static_cast<char>('a' + i));
  }
  ASSERT_TRUE(output->EndFile().ok());
  ASSERT_TRUE(output->Commit().ok());
  EXPECT_TRUE(ContentOf(folder / "large") == content);
}

TEST(PathOutput, WritesATreeOfFoldersFilesAndLinks) {
  TempFolder folder;
  const auto output = OpenOutput(folder / "tree/");
  ASSERT_TRUE(output->Folder("").ok());
  ASSERT_TRUE(output->Folder("a").ok());
  ASSERT_TRUE(WriteFile(*output, "a/file", "one").ok());
  ASSERT_TRUE(WriteFile(*output, "empty", "").ok());
  ASSERT_TRUE(output->Link("a/link", "../empty").ok());
  ASSERT_TRUE(output->Commit().ok());
  EXPECT_EQ(ContentOf(folder / "tree/a/file"), "one");
  EXPECT_EQ(fs::file_size(folder / "tree/empty"), 0u);
  EXPECT_EQ(fs::read_symlink(folder / "tree/a/link"), "../empty");
}

TEST(PathOutput, ReadsBackWhatAnInterruptedExportLeft) {
  TempFolder folder;
  {
    const auto output = OpenOutput(folder / "file");
    ASSERT_TRUE(output->BeginFile("", 1 << 20).ok());
    ASSERT_TRUE(output->Write(4096, Bytes::Of(std::string(4096, 'x'))).ok());
  }
  const auto output = OpenOutput(folder / "file");
  ASSERT_TRUE(output->BeginFile("", 1 << 20).ok());
  std::string got(4096, ' ');
  const MutableByteView into(reinterpret_cast<uint8_t*>(got.data()), got.size());
  EXPECT_EQ(*output->ReadBack(4096, into), 4096u);
  EXPECT_EQ(got, std::string(4096, 'x'));
  EXPECT_EQ(*output->ReadBack(512 << 10, into), 0u);  // Never written.
}

TEST(PathOutput, ReadsNothingBackFromAPartOfAnotherSize) {
  TempFolder folder;
  ASSERT_TRUE(WriteFile(*OpenOutput(folder / "file"), "", "something else").ok());
  const auto output = OpenOutput(folder / "file");
  ASSERT_TRUE(output->BeginFile("", 3).ok());
  uint8_t into[3];
  EXPECT_EQ(*output->ReadBack(0, into), 0u);
  ASSERT_TRUE(output->Write(0, Bytes::Of(std::string("new"))).ok());
  ASSERT_TRUE(output->EndFile().ok());
  ASSERT_TRUE(output->Commit().ok());
  EXPECT_EQ(ContentOf(folder / "file"), "new");
}

TEST(PathOutput, LeavesWhatExistsAlone) {
  TempFolder folder;
  std::ofstream(folder / "file") << "mine";
  const absl::Status exists = PathOutput::Open(folder / "file").status();
  EXPECT_EQ(exists.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(exists.message()), HasSubstr("it exists; remove it"));

  // Or came while the export ran.
  const auto output = OpenOutput(folder / "late");
  ASSERT_TRUE(WriteFile(*output, "", "content").ok());
  std::ofstream(folder / "late") << "mine";
  EXPECT_FALSE(output->Commit().ok());
  EXPECT_EQ(ContentOf(folder / "late"), "mine");
}

TEST(PathOutput, NeverFollowsALinkOutOfTheTarget) {
  TempFolder folder;
  TempFolder outside;
  const auto output = OpenOutput(folder / "tree");
  ASSERT_TRUE(output->Folder("").ok());
  ASSERT_TRUE(output->Link("way", outside.path()).ok());
  EXPECT_FALSE(output->Folder("way").ok());
  EXPECT_FALSE(output->BeginFile("way/file", 1).ok());
  EXPECT_FALSE(output->BeginFile("../file", 1).ok());
  EXPECT_TRUE(fs::is_empty(outside.path()));
  EXPECT_FALSE(fs::exists(folder / "file"));
}

TEST(PathOutput, NamesTheFolderThatIsMissing) {
  TempFolder folder;
  const absl::Status status = PathOutput::Open(folder / "none/file").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(status.message()), HasSubstr("none"));
}

}  // namespace
}  // namespace l2p
