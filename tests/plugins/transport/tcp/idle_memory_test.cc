#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tcp_node.h"

namespace l2p::tcp {
namespace {

constexpr char kEcho[] = "/test/echo/1";
constexpr size_t kConnections = 300;
constexpr size_t kLimitPerEnd = 32 * 1024;

size_t ResidentBytes() {
  size_t total = 0;
  size_t resident = 0;
  std::ifstream("/proc/self/statm") >> total >> resident;
  return resident * static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

size_t Threads() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return static_cast<size_t>(std::distance(begin(tasks), end(tasks)));
}

// Connections with a stream each that has been used and is open.
TEST(IdleConnections, TakeLittleMemoryAndNoThread) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a sanitizer has its own memory";
#endif
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
  RealWorld world;
  TcpNode a(world, 1);
  TcpNode b(world, 2);
  Mutex mutex("IdleConnections");
  std::vector<std::unique_ptr<Stream>> held;
  b.Serve(kEcho, [&](std::unique_ptr<Stream> stream) {
    uint8_t byte;
    if (stream->Read({&byte, 1}, world.Soon()).value_or(0) != 1) return;
    if (!WriteText(*stream, "x", world.Soon()).ok()) return;
    MutexLock lock(mutex);
    held.push_back(std::move(stream));
  });
  std::vector<std::unique_ptr<Stream>> opened;
  const auto open_one = [&] {
    const auto connection = a.Dial(b);
    ASSERT_TRUE(connection.ok()) << connection.status();
    auto stream = *(*connection)->Open(kEcho);
    ASSERT_TRUE(WriteText(*stream, "x", world.Soon()).ok());
    uint8_t byte;
    ASSERT_EQ(stream->Read({&byte, 1}, world.Soon()).value_or(0), 1u);
    opened.push_back(std::move(stream));
  };
  for (int i = 0; i < 20; ++i) open_one();  // So that what is made once is there.
  ::malloc_trim(0);
  const size_t before = ResidentBytes();
  const size_t threads_before = Threads();
  for (size_t i = 0; i < kConnections; ++i) open_one();
  ::malloc_trim(0);
  const size_t per_end = (ResidentBytes() - before) / kConnections / 2;
  RecordProperty("bytes_per_connection", static_cast<int>(per_end));
  std::cout << per_end / 1024.0 << " KiB for each end of a connection\n";
  EXPECT_LE(per_end, kLimitPerEnd);
  EXPECT_LE(Threads(), threads_before + 2);
  opened.clear();
}

}  // namespace
}  // namespace l2p::tcp
