#include "tcp_transport.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tcp_node.h"

namespace l2p::tcp {
namespace {

constexpr char kEcho[] = "/test/echo/1";

class TcpTransportTest : public ::testing::Test {
 protected:
  RealWorld world_;
};

TEST_F(TcpTransportTest, TwoNodesAuthenticateEachOther) {
  TcpNode a(world_, 1);
  TcpNode b(world_, 2);
  const auto connection = a.Dial(b);
  ASSERT_TRUE(connection.ok()) << connection.status();
  EXPECT_EQ((*connection)->peer(), b.peer());
  EXPECT_TRUE((*connection)->outbound());
  EXPECT_EQ((*connection)->remote(), b.address());
  ASSERT_TRUE(b.AwaitConnections(1));
  const auto inbound = b.connections().front();
  EXPECT_EQ(inbound->peer(), a.peer());
  EXPECT_FALSE(inbound->outbound());
  EXPECT_EQ(inbound->local(), b.address());
  EXPECT_EQ(inbound->remote(), (*connection)->local());
}

TEST_F(TcpTransportTest, WhatIsWrittenComesBackFromAnEcho) {
  TcpNode a(world_, 1);
  TcpNode b(world_, 2);
  b.ServeEcho(kEcho);
  const auto connection = a.Dial(b);
  ASSERT_TRUE(connection.ok()) << connection.status();
  const auto stream = (*connection)->Open(kEcho);
  ASSERT_TRUE(stream.ok());
  ASSERT_TRUE(WriteText(**stream, "hello", world_.Soon()).ok());
  (*stream)->CloseWrite();
  const auto answer = ReadAll(**stream, world_.Soon());
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, "hello");
}

TEST_F(TcpTransportTest, BulkArrivesWholeAndInOrder) {
  TcpNode a(world_, 1);
  TcpNode b(world_, 2);
  constexpr size_t kSize = size_t{512} << 20;
  constexpr size_t kPart = 256 * 1024;
  b.Serve("/test/bulk/1", [&](std::unique_ptr<Stream> stream) {
    Buffer part = Buffer::Unbudgeted(kPart);
    std::iota(part.data(), part.data() + part.size(), uint8_t{0});
    const Bytes bytes = std::move(part).Freeze();
    for (size_t sent = 0; sent < kSize; sent += kPart) {
      const absl::Status status = stream->Write({&bytes, 1}, world_.Soon());
      ASSERT_TRUE(status.ok()) << status;
    }
    stream->CloseWrite();
    uint8_t byte;
    (void)stream->Read({&byte, 1}, world_.Soon());
  });
  const auto connection = a.Dial(b);
  ASSERT_TRUE(connection.ok()) << connection.status();
  const auto stream = (*connection)->Open("/test/bulk/1");
  ASSERT_TRUE(stream.ok());
  std::vector<uint8_t> buffer(kPart);
  size_t total = 0;
  const Time began = world_.runtime().Now();
  while (true) {
    const auto count = (*stream)->Read(buffer, world_.Soon());
    ASSERT_TRUE(count.ok()) << count.status();
    if (*count == 0) break;
    ASSERT_EQ(buffer[0], static_cast<uint8_t>(total));
    ASSERT_EQ(buffer[*count - 1], static_cast<uint8_t>(total + *count - 1));
    total += *count;
  }
  EXPECT_EQ(total, kSize);
  const Duration took = world_.runtime().Now() - began;
  std::cout << total / absl::ToDoubleSeconds(took) / 1e9 << " GB/s\n";
}

}  // namespace
}  // namespace l2p::tcp
