// A peer that breaks the rules, over real sockets, and a node that serves on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>

#include "../plugins/transport/tcp/tcp_node.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kernel/network/exchange.pb.h"
#include "kernel/network/placement.pb.h"
#include "l2p/cid.h"
#include "l2p/varint.h"
#include "node_process.h"

namespace l2p {
namespace {

using tcp::TcpNode;
using ::testing::HasSubstr;

constexpr const char* kProtocols[] = {"/l2p/kad/1.0.0", "/l2p/blocks/1.0.0", "/l2p/push/1.0.0",
                                      "/ipfs/id/push/1.0.0", "/ipfs/ping/1.0.0"};

std::string Uvarint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes.push_back(static_cast<char>(value | 0x80));
  bytes.push_back(static_cast<char>(value));
  return bytes;
}

std::string Sized(const std::string& message) { return Uvarint(message.size()) + message; }

class HostilePeer : public ::testing::Test {
 protected:
  HostilePeer() : peer_(world_, 99) {
    EXPECT_TRUE(node_.Start());
    EXPECT_TRUE(friend_.Start());
    EXPECT_EQ(friend_.L2p({"connect", node_.address()}).exit_code, 0);
  }

  std::shared_ptr<Connection> Dial() {
    const Multiaddr address = *Multiaddr::FromString(node_.address());
    auto connection = peer_.transport().Dial(address, address.peer(), world_.Soon());
    EXPECT_TRUE(connection.ok()) << connection.status();
    return connection.ok() ? *connection : nullptr;
  }

  // Sends `bytes` on a stream of its own, ends our direction, and returns what came back until the
  // node ended it, too. Empty when it was reset.
  std::string Exchange(Connection& connection, std::string_view protocol,
                       const std::string& bytes) {
    auto stream = connection.Open(protocol);
    if (!stream.ok()) return "";
    if (tcp::WriteText(**stream, bytes, world_.Soon()).ok()) (*stream)->CloseWrite();
    const absl::StatusOr<std::string> answer = tcp::ReadAll(**stream, world_.Soon());
    EXPECT_FALSE(absl::IsDeadlineExceeded(answer.status())) << protocol << " was left open";
    return answer.value_or("");
  }

  // The refusal that the node gives to an offer.
  std::string Refusal(Connection& connection, const std::string& sent) {
    const std::string answers = Exchange(connection, "/l2p/push/1.0.0", sent);
    std::string refusal;
    ByteView rest = AsBytes(answers);
    while (!rest.empty()) {
      const std::optional<uint64_t> size = TakeVarint(rest);
      if (!size || *size > rest.size()) return "an answer was cut off";
      wire::PushAnswer answer;
      EXPECT_TRUE(answer.ParseFromArray(rest.data(), static_cast<int>(*size)));
      EXPECT_FALSE(answer.committed());
      refusal = answer.refusal();
      rest = rest.subspan(static_cast<size_t>(*size));
    }
    return refusal;
  }

  // A put through a friend that places a copy on the node, and a get from the node alone.
  void ExpectServesOn() {
    ASSERT_FALSE(node_.Wait(absl::ZeroDuration())) << node_.log();
    const TempFolder folder;
    WriteFile(folder / "file", SeededBytes(2'500'000, ++seed_));
    const std::string id = friend_.Put(folder / "file", {"--redundancy", "copies:1", "--strict"});
    const Finished got = node_.L2p({"get", id, "-o", folder / "got"});
    EXPECT_EQ(got.exit_code, 0) << got.err;
    EXPECT_TRUE(ReadFile(folder / "got") == ReadFile(folder / "file"));
  }

  tcp::RealWorld world_;
  NodeProcess node_{{"network.connections=3000", "placement.quota_per_peer=64MiB"}};
  NodeProcess friend_;
  TcpNode peer_;
  uint64_t seed_ = 70;
};

// A plain socket to the node's listener.
int DialRaw(const std::string& address) {
  const std::vector<std::string> parts = absl::StrSplit(address, '/');  // "", ip4, host, tcp, port
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::stoi(parts[4])));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  EXPECT_EQ(::connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
  return fd;
}

TEST_F(HostilePeer, GarbageInsteadOfAHandshakeIsNobody) {
  const std::string noise = SeededBytes(64 << 10, 50);
  const std::vector<std::string> openings = {noise,
                                             "GET / HTTP/1.1\r\n\r\n",
                                             std::string(4096, '\xff'),
                                             "\x13/multistream/1.0.0\n" + noise,
                                             "\x13/multistream/1.0.0\n\x0b/tls/1.0.0\n" + noise,
                                             std::string("\0\0\0\0", 4)};
  for (const std::string& opening : openings) {
    const int fd = DialRaw(node_.address());
    const ssize_t sent = ::send(fd, opening.data(), opening.size(), MSG_NOSIGNAL);
    EXPECT_GT(sent, 0);
    ::shutdown(fd, SHUT_WR);
    char answer[4096];
    while (::recv(fd, answer, sizeof answer, 0) > 0) continue;  // Until the node has closed it.
    ::close(fd);
  }
  ExpectServesOn();
}

TEST_F(HostilePeer, MalformedFramesEndTheirStreamOnly) {
  const std::shared_ptr<Connection> connection = Dial();
  ASSERT_NE(connection, nullptr);
  const std::string noise = SeededBytes(2000, 51);
  std::vector<std::string> frames = {
      noise,                                              // A random size and random bytes.
      Sized(noise),                                       // A random protobuf.
      Sized(std::string("\x0a\xff\xff\xff\xff\x0f", 6)),  // A field longer than the message.
      Sized(std::string("\x0f", 1)),                      // An unknown wire type.
      Uvarint(100) + "short",                             // Cut off in its body.
      "\x80",                                             // Cut off in its size.
      std::string("\x80\x00", 2),                         // A size that is not minimal.
      std::string(11, '\xff'),                            // A size of more than 64 bits.
      Uvarint(uint64_t{1} << 63) + noise,                 // Sizes that nobody has.
      Uvarint(uint64_t{1} << 32) + noise,
      Uvarint((uint64_t{1} << 31) - 1) + noise,
      Uvarint((4 << 20) + 1) + noise,  // One more than the largest limit.
      Uvarint((1 << 20) + 1) + noise,
      Uvarint((512 << 10) + 1) + noise,
      Uvarint((64 << 10) + 1) + noise,
      "",
      Sized(""),
  };
  for (const char* protocol : kProtocols) {
    for (const std::string& frame : frames) Exchange(*connection, protocol, frame);
  }
  EXPECT_EQ(Exchange(*connection, "/ipfs/ping/1.0.0", std::string(32, 'p')), std::string(32, 'p'))
      << "the connection outlives them";
  ExpectServesOn();
}

TEST_F(HostilePeer, BadOffersAreRefusedWithAReason) {
  const std::shared_ptr<Connection> connection = Dial();
  ASSERT_NE(connection, nullptr);
  const auto named = [](const std::string& text) {
    const ByteView bytes = AsBytes(text);
    const Sha256Digest digest = BoringsslCrypto().Sha256({&bytes, 1});
    return std::string("\x12\x20", 2) + std::string(digest.begin(), digest.end());
  };
  const auto offer_of = [&](const std::string& root, uint32_t size, int more) {
    wire::PushOffer offer;
    offer.set_group(named(root));
    wire::PushedBlock* leaf = offer.add_leaves();
    leaf->set_id(named(root));
    leaf->set_size(size);
    for (int i = 0; i < more; ++i) {
      wire::PushedBlock* next = offer.add_leaves();
      next->set_id(named(absl::StrCat(i)));
      next->set_size(size);
    }
    return offer;
  };

  EXPECT_THAT(Refusal(*connection,
                      Sized(offer_of("a", 1000, 0).SerializeAsString()) + std::string(1000, 'x')),
              ::testing::Not(""))
      << "bytes that are not the block";
  EXPECT_THAT(Refusal(*connection, Sized(offer_of("a", 1 << 20, 100).SerializeAsString())),
              HasSubstr("quota_per_peer"));
  EXPECT_THAT(Refusal(*connection, Sized(offer_of("a", 1, 5000).SerializeAsString())),
              HasSubstr("too many blocks"));
  EXPECT_THAT(Refusal(*connection, Sized(offer_of("a", (2 << 20) + 1, 0).SerializeAsString())),
              HasSubstr("cannot be stored"));
  wire::PushOffer not_first = offer_of("a", 10, 1);
  not_first.set_group(named("b"));
  EXPECT_THAT(Refusal(*connection, Sized(not_first.SerializeAsString())), HasSubstr("root"));
  EXPECT_THAT(Refusal(*connection, Sized(wire::PushOffer().SerializeAsString())),
              HasSubstr("no or too many"));
  EXPECT_EQ(node_.Status("held_groups"), 0u);
  EXPECT_EQ(node_.Status("blocks"), 0u);
  ExpectServesOn();
}

TEST_F(HostilePeer, ReadersThatNeverReadCostNoThreadAndNoOneElse) {
  const TempFolder folder;
  WriteFile(folder / "file", SeededBytes(1 << 20, 52));
  const std::string id = node_.Put(folder / "file", {"--local"});  // One block.
  const std::shared_ptr<Connection> connection = Dial();
  ASSERT_NE(connection, nullptr);
  const std::string root = Cid::FromString(id)->hash().bytes();
  std::vector<std::unique_ptr<Stream>> streams;
  for (int i = 0; i < 20; ++i) {
    auto stream = connection->Open("/l2p/blocks/1.0.0");
    ASSERT_TRUE(stream.ok());
    wire::BlocksRequest request;
    for (int j = 0; j < 200; ++j) request.add_want(root);  // More than any window.
    EXPECT_TRUE(tcp::WriteText(**stream, Sized(request.SerializeAsString()), world_.Soon()).ok());
    streams.push_back(*std::move(stream));
  }
  ExpectServesOn();
}

// The number behind `name` in /proc/PID/status.
uint64_t ProcStatus(pid_t pid, const std::string& name) {
  std::ifstream in(absl::StrCat("/proc/", pid, "/status"));
  for (std::string line; std::getline(in, line);) {
    if (absl::StartsWith(line, name + ":")) return std::stoull(line.substr(name.size() + 1));
  }
  ADD_FAILURE() << name;
  return 0;
}

TEST_F(HostilePeer, TwoThousandIdleConnectionsTakeLittle) {
  constexpr size_t kPeers = 250;  // With as many connections each as one peer may have.
  constexpr size_t kEach = 8;
  [[maybe_unused]] constexpr uint64_t kMostKiB = 32;
  rlimit files{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &files), 0);
  files.rlim_cur = files.rlim_max;
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &files), 0);
  if (files.rlim_max < 8 * kPeers * kEach / 3) {
    GTEST_SKIP() << "ulimit -Hn is only " << files.rlim_max;
  }

  ExpectServesOn();
  const uint64_t before = ProcStatus(node_.pid(), "VmRSS");
  const Multiaddr address = *Multiaddr::FromString(node_.address());
  const std::string ping(32, 'p');
  std::vector<std::unique_ptr<TcpNode>> peers;
  std::vector<std::unique_ptr<Stream>> streams;
  for (size_t i = 0; i < kPeers; ++i) {
    peers.push_back(std::make_unique<TcpNode>(
        world_, static_cast<uint8_t>(i), std::map<std::string, std::string>{{"io_threads", "1"}}));
    for (size_t j = 0; j < kEach; ++j) {
      auto connection = peers.back()->transport().Dial(address, address.peer(), world_.Soon());
      ASSERT_TRUE(connection.ok()) << i << " " << j << connection.status();
      auto stream = (*connection)->Open("/ipfs/ping/1.0.0");
      ASSERT_TRUE(stream.ok());
      ASSERT_TRUE(tcp::WriteText(**stream, ping, world_.Soon()).ok());
      std::vector<uint8_t> pong(ping.size());
      ASSERT_TRUE((*stream)->Read(pong, world_.Soon()).ok()) << "the node serves it";
      streams.push_back(*std::move(stream));
    }
  }
  const uint64_t after = ProcStatus(node_.pid(), "VmRSS");
  const uint64_t threads = ProcStatus(node_.pid(), "Threads");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // They take their own.
  EXPECT_LE((after - before) / streams.size(), kMostKiB) << before << " " << after;
#endif
  EXPECT_LT(threads, 16u);
  RecordProperty("kib_per_connection", absl::StrCat((after - before) / streams.size()));
  RecordProperty("threads", absl::StrCat(threads));
  std::vector<uint8_t> byte(1);
  for (const auto& stream : streams) {
    EXPECT_TRUE(absl::IsDeadlineExceeded(stream->Read(byte, absl::InfinitePast()).status()))
        << "a stream has ended";
  }
  ExpectServesOn();
}

}  // namespace
}  // namespace l2p
