#include "kernel/runtime/real_runtime.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <regex>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "l2p/listeners.h"
#include "tests/temp_folder.h"

namespace l2p {
namespace {

using testing::HasSubstr;

uint16_t PortOf(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
  return ntohs(address.sin_port);
}

bool Connects(uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool connected = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return connected;
}

class RealRuntimeTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<RealRuntime>> Open() {
    return RealRuntime::Open({.data_dir = temporary_ / "data", .max_tasks = 8});
  }

  TempFolder temporary_;
};

TEST_F(RealRuntimeTest, OneProcessHasTheDataFolderForItself) {
  auto first = Open();
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::Status second = Open().status();
  EXPECT_TRUE(absl::IsFailedPrecondition(second));
  EXPECT_THAT(std::string(second.message()),
              HasSubstr(absl::StrCat("is in use by process ", getpid())));
  first->reset();
  EXPECT_TRUE(Open().ok());
}

TEST_F(RealRuntimeTest, SaysWhichFolderItCannotMake) {
  ASSERT_TRUE(WriteFileDurably(**PosixFolder::OpenPath(temporary_.path()), "data", {}).ok());
  const absl::Status status = Open().status();
  EXPECT_THAT(std::string(status.message()), HasSubstr(temporary_ / "data"));
}

TEST_F(RealRuntimeTest, ItsClockFollowsTheWallClock) {
  const auto runtime = *Open();
  EXPECT_LT(absl::AbsDuration(runtime->Now() - absl::Now()), absl::Seconds(5));
  const Time before = runtime->Now();
  EXPECT_LE(before, runtime->Now());
}

TEST_F(RealRuntimeTest, RandomFillsAllOfABuffer) {
  const auto runtime = *Open();
  std::vector<uint8_t> bytes(1000, 0);
  runtime->Random(bytes);
  EXPECT_LT(std::count(bytes.begin(), bytes.end(), 0), 50);
  for (int i = 0; i < 100; ++i) EXPECT_LT(RandomBelow(*runtime, 7), 7u);
}

TEST_F(RealRuntimeTest, StatesOutliveTheRuntime) {
  {
    const auto runtime = *Open();
    const State::Change change{"k", "v"};
    ASSERT_TRUE((*runtime->OpenState("kernel"))->Commit({&change, 1}).ok());
  }
  const auto runtime = *Open();
  EXPECT_EQ(*(*runtime->OpenState("kernel"))->Get("k"), "v");
}

TEST_F(RealRuntimeTest, TheStateFileIsForItsOwnerOnly) {
  const auto runtime = *Open();
  const State::Change change{"k", "v"};
  ASSERT_TRUE((*runtime->OpenState("kernel"))->Commit({&change, 1}).ok());
  for (const char* file : {"data/state.db", "data/state.db-wal", "data/lock"}) {
    EXPECT_EQ(std::filesystem::status(temporary_ / file).permissions(),
              std::filesystem::perms::owner_read | std::filesystem::perms::owner_write)
        << file;
  }
}

TEST_F(RealRuntimeTest, LogsOneLineWithoutControlCharacters) {
  const auto runtime = *Open();
  testing::internal::CaptureStderr();
  runtime->Log(Severity::kDebug, "kernel", "not shown");
  runtime->Log(Severity::kWarning, "routing.x", "from a peer: \x1b[2J\nforged ünicode");
  const std::string line = testing::internal::GetCapturedStderr();
  EXPECT_TRUE(std::regex_match(
      line, std::regex("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z warning routing\\.x: "
                       "from a peer: \\\\x1b\\[2J\\\\x0aforged ünicode\n")))
      << line;
}

TEST_F(RealRuntimeTest, LendsTheSameListenerAgainAndRefusesATakenPort) {
  const auto runtime = *Open();
  auto* const listeners = static_cast<Listeners*>(runtime->Query(Listeners::kAbility));
  ASSERT_NE(listeners, nullptr);
  const auto fd = listeners->Lend("127.0.0.1", 0);
  ASSERT_TRUE(fd.ok()) << fd.status();
  EXPECT_EQ(*listeners->Lend("127.0.0.1", 0), *fd);
  const uint16_t port = PortOf(*fd);
  EXPECT_TRUE(Connects(port));

  SocketListeners other;
  const absl::Status taken = other.Lend("127.0.0.1", port).status();
  EXPECT_TRUE(absl::IsFailedPrecondition(taken));
  EXPECT_EQ(taken.message(),
            absl::StrCat("listen on 127.0.0.1:", port, ": address already in use"));
  EXPECT_TRUE(absl::IsInvalidArgument(other.Lend("localhost", 0).status()));
  EXPECT_TRUE(other.Lend("::1", 0).ok());
}

TEST_F(RealRuntimeTest, HasNoAbilityOfAnotherName) {
  EXPECT_EQ((*Open())->Query("l2p.unknown.1"), nullptr);
}

}  // namespace
}  // namespace l2p
