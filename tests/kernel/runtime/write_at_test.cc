#include "kernel/runtime/write_at.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <fstream>
#include <string>
#include <vector>

#include "kernel/runtime/fd.h"
#include "tests/temp_folder.h"

namespace l2p {
namespace {

Fd Create(const std::string& path) {
  return Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

std::string ContentOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

ByteView View(const std::string& text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

class WriteAtTest : public testing::TestWithParam<PageCache> {};

TEST_P(WriteAtTest, WritesMorePartsThanOneCallTakes) {
  TempFolder folder;
  const Fd file = Create(folder / "file");
  std::vector<std::string> texts;
  std::string content(5, '\0');
  for (int i = 0; i < 2 * IOV_MAX + 7; ++i) {
    texts.push_back(std::string(static_cast<size_t>(i % 700), static_cast<char>('a' + i % 26)));
    content += texts.back();
  }
  std::vector<ByteView> parts;
  for (const std::string& text : texts) parts.push_back(View(text));
  ASSERT_TRUE(WriteAt(file.get(), 5, parts, GetParam()));
  EXPECT_EQ(ContentOf(folder / "file"), content);
}

TEST_P(WriteAtTest, KeepsWhatStandsBesideInTheSamePage) {
  TempFolder folder;
  const Fd file = Create(folder / "file");
  std::string content;
  for (char letter = 'a'; letter <= 'z'; ++letter) {
    const std::string text(100'001, letter);
    const ByteView part = View(text);
    ASSERT_TRUE(WriteAt(file.get(), content.size(), {&part, 1}, GetParam()));
    ASSERT_EQ(::fdatasync(file.get()), 0);
    content += text;
  }
  EXPECT_EQ(ContentOf(folder / "file"), content);
}

TEST_P(WriteAtTest, SaysWhatFailed) {
  const Fd file(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  const std::string text = "text";
  const ByteView part = View(text);
  EXPECT_FALSE(WriteAt(file.get(), 0, {&part, 1}, GetParam()));
  EXPECT_EQ(errno, ENOSPC);
}

INSTANTIATE_TEST_SUITE_P(BothWays, WriteAtTest,
                         testing::Values(PageCache::kKeep, PageCache::kDrop));

TEST(WriteAt, WritesWhereTheFileSystemCannotDropPages) {
  // memfd: tmpfs, whose page cache is the file.
  const Fd file(::memfd_create("file", MFD_CLOEXEC));
  const std::string text = "text";
  const ByteView part = View(text);
  ASSERT_TRUE(WriteAt(file.get(), 0, {&part, 1}, PageCache::kDrop));
  char read[4];
  ASSERT_EQ(::pread(file.get(), read, sizeof read, 0), 4);
  EXPECT_EQ(std::string_view(read, 4), text);
}

}  // namespace
}  // namespace l2p
