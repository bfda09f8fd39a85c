// A node that is killed again and again while it writes.
#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "node_process.h"
#include "tests/long_form.h"

namespace l2p {
namespace {

constexpr size_t kFilesAtOnce = 4;  // One of them comes from another node.
constexpr size_t kLargest = 3 << 20;

int Rounds() { return IsLongForm() ? 200 : 30; }

struct Acknowledged {
  std::string id;
  size_t begin;
  size_t size;
};

class KilledWriter : public ::testing::Test {
 protected:
  KilledWriter() : source_(SeededBytes(2 * kLargest, 71)) {
    EXPECT_TRUE(pusher_.Start());
    writer_ = std::make_unique<NodeProcess>(Words{"network.bootstrap=" + pusher_.address()});
  }

  // Begins files of several sizes at once, and kills the node when one of them, another one each
  // time, is acknowledged: the others are then anywhere.
  void WriteUntilKilled(size_t round) {
    ASSERT_TRUE(writer_->Start());
    ASSERT_TRUE(pusher_.AwaitPeers(1));
    std::array<Acknowledged, kFilesAtOnce> files;
    std::array<std::unique_ptr<ChildProcess>, kFilesAtOnce> puts;
    for (size_t i = 0; i < kFilesAtOnce; ++i) {
      const size_t number = round * kFilesAtOnce + i;
      files[i] = {"", number * 13, 1 + number * 397'651 % kLargest};
      WriteFile(File("in", i), source_.substr(files[i].begin, files[i].size));
      std::filesystem::remove(File("id", i));
      puts[i] =
          i == 0 ? pusher_.BeginL2p({"put", File("in", i), "--redundancy", "copies:1", "--strict"},
                                    "/dev/null", File("id", i))
                 : writer_->BeginL2p({"put", "--local", File("in", i)}, "/dev/null", File("id", i));
    }
    EXPECT_EQ(puts[round % kFilesAtOnce]->Wait(absl::Seconds(60)), 0);
    writer_->Kill();
    for (size_t i = 0; i < kFilesAtOnce; ++i) {
      // A push that has lost its holder looks for another one: not waited for.
      if (puts[i]->Wait(i == 0 ? absl::ZeroDuration() : absl::Seconds(10)) != 0) continue;
      files[i].id = std::string(absl::StripTrailingAsciiWhitespace(ReadFile(File("id", i))));
      acknowledged_.push_back(files[i]);
    }
  }

  void ExpectAllWhole() {
    for (const Acknowledged& file : acknowledged_) {
      const Finished got = writer_->L2p({"cat", file.id});
      EXPECT_EQ(got.exit_code, 0) << got.err;
      EXPECT_TRUE(got.out == source_.substr(file.begin, file.size)) << file.id;
    }
  }

  std::string File(const char* what, size_t i) const { return folder_ / absl::StrCat(what, i); }

  TempFolder folder_;
  const std::string source_;
  NodeProcess pusher_;
  std::unique_ptr<NodeProcess> writer_;
  std::vector<Acknowledged> acknowledged_;
};

TEST_F(KilledWriter, HasEveryFileThatItAcknowledged) {
  const size_t rounds = static_cast<size_t>(Rounds());
  for (size_t round = 0; round < rounds && !HasFailure(); ++round) WriteUntilKilled(round);
  pusher_.Kill();  // Nobody else has them now.
  ASSERT_TRUE(writer_->Start());
  EXPECT_GE(acknowledged_.size(), rounds);
  ExpectAllWhole();
}

}  // namespace
}  // namespace l2p
