#include "tcp_transport.h"

#include <gtest/gtest.h>

#include <numeric>

#include "multistream.h"
#include "raw_peer.h"
#include "tcp_node.h"
#include "tcp_settings.h"
#include "yamux_frame.h"

namespace l2p::tcp {
namespace {

constexpr char kEcho[] = "/test/echo/1";
constexpr char kHold[] = "/test/hold/1";

class TcpTransportTest : public ::testing::Test {
 protected:
  // Keeps every stream that is opened to it, and reads none.
  void ServeHold(TcpNode& node) {
    node.Serve(kHold, [this](std::unique_ptr<Stream> stream) {
      MutexLock lock(mutex_);
      held_.push_back(std::move(stream));
      held_event_->Set();
    });
  }
  bool AwaitHeld(size_t count) {
    return Await(mutex_, *held_event_, world_.Soon(),
                 [&]() L2P_REQUIRES(mutex_) { return held_.size() >= count; });
  }

  RealWorld world_;
  std::unique_ptr<Event> held_event_ = world_.runtime().NewEvent();
  Mutex mutex_{"TcpTransportTest"};
  std::vector<std::unique_ptr<Stream>> held_ L2P_GUARDED_BY(mutex_);
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
  constexpr size_t kSize = size_t{64} << 20;
  constexpr size_t kPart = 256 * 1024;
  const auto served = world_.runtime().NewEvent();
  b.Serve("/test/bulk/1", [&](std::unique_ptr<Stream> stream) {
    Buffer part = Buffer::Unbudgeted(kPart);
    std::iota(part.data(), part.data() + part.size(), uint8_t{0});
    const Bytes bytes = std::move(part).Freeze();
    for (size_t sent = 0; sent < kSize; sent += kPart) {
      ASSERT_TRUE(stream->Write({&bytes, 1}, world_.Soon()).ok());
    }
    stream->CloseWrite();
    const absl::StatusOr<std::string> rest = ReadAll(*stream, world_.Soon());
    EXPECT_TRUE(rest.ok() && rest->empty()) << rest.status();
    served->Set();
  });
  const auto stream = (*a.Dial(b))->Open("/test/bulk/1");
  std::vector<uint8_t> buffer(kPart);
  size_t total = 0;
  while (true) {
    const auto count = (*stream)->Read(buffer, world_.Soon());
    ASSERT_TRUE(count.ok()) << count.status();
    if (*count == 0) break;
    for (size_t i = 0; i < *count; ++i) {
      ASSERT_EQ(buffer[i], static_cast<uint8_t>(total + i)) << "at " << total + i;
    }
    total += *count;
  }
  EXPECT_EQ(total, kSize);
  (*stream)->CloseWrite();
  EXPECT_TRUE(served->Wait(world_.Soon()));
}

TEST_F(TcpTransportTest, AnUnknownProtocolShowsOnRead) {
  TcpNode a(world_, 1);
  TcpNode b(world_, 2);
  const auto stream = (*a.Dial(b))->Open("/test/unknown/1");
  ASSERT_TRUE(stream.ok());
  uint8_t byte;
  const auto count = (*stream)->Read({&byte, 1}, world_.Soon());
  EXPECT_EQ(count.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(count.status().message(), "protocol /test/unknown/1: refused by the peer");
}

TEST_F(TcpTransportTest, ReadReturnsAtItsDeadlineAndGoesOnLater) {
  TcpNode a(world_, 1);
  TcpNode b(world_, 2);
  b.ServeEcho(kEcho);
  const auto stream = *(*a.Dial(b))->Open(kEcho);
  std::vector<uint8_t> buffer(16);
  const Time now = world_.runtime().Now();
  EXPECT_EQ(stream->Read(buffer, now).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(stream->Read(buffer, now + absl::Milliseconds(50)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  ASSERT_TRUE(WriteText(*stream, "late", world_.Soon()).ok());
  EXPECT_EQ(stream->Read(buffer, world_.Soon()).value_or(0), 4u);
}

TEST_F(TcpTransportTest, AWriterWaitsForAReaderThatDoesNotReadAndOthersDoNot) {
  TcpNode a(world_, 1);
  TcpNode b(world_, 2);
  ServeHold(b);
  b.ServeEcho(kEcho);
  const auto connection = *a.Dial(b);
  const auto stuck = *connection->Open(kHold);
  const Bytes part = Bytes::Copy(std::string(256 * 1024, 'x'));
  absl::Status status;
  size_t taken = 0;
  for (; status.ok() && taken < 100; ++taken) {
    status = stuck->Write({&part, 1}, world_.runtime().Now() + absl::Milliseconds(100));
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_LT(taken, 10u);
  const auto other = *connection->Open(kEcho);
  ASSERT_TRUE(WriteText(*other, "quick", world_.Soon()).ok());
  other->CloseWrite();
  EXPECT_EQ(*ReadAll(*other, world_.Soon()), "quick");
}

TEST_F(TcpTransportTest, ResetIsSeenByTheOtherSide) {
  TcpNode a(world_, 1);
  TcpNode b(world_, 2);
  ServeHold(b);
  const auto stream = *(*a.Dial(b))->Open(kHold);
  ASSERT_TRUE(WriteText(*stream, "x", world_.Soon()).ok());
  ASSERT_TRUE(AwaitHeld(1));
  stream->Reset();
  EXPECT_EQ(stream->Read(MutableByteView(), world_.Soon()).ok(), false);
  uint8_t byte;
  absl::StatusOr<size_t> count = 1;
  Stream* const held = [&] {
    MutexLock lock(mutex_);
    return held_.front().get();
  }();
  while (count.ok() && *count > 0) count = held->Read({&byte, 1}, world_.Soon());
  EXPECT_EQ(count.status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(TcpTransportTest, CallbacksTellOfBytesAndOfTheEnd) {
  TcpNode a(world_, 1);
  TcpNode b(world_, 2);
  b.ServeEcho(kEcho);
  const auto connection = *a.Dial(b);
  const auto stream = *connection->Open(kEcho);
  const auto event = world_.runtime().NewEvent();
  stream->WhenReadable([&] { event->Set(); });
  ASSERT_TRUE(WriteText(*stream, "x", world_.Soon()).ok());
  EXPECT_TRUE(event->Wait(world_.Soon()));
  uint8_t byte;
  EXPECT_EQ(stream->Read({&byte, 1}, world_.Soon()).value_or(0), 1u);
  event->Reset();
  stream->WhenReadable([&] { event->Set(); });
  connection->Close();
  EXPECT_TRUE(event->Wait(world_.Soon()));
}

TEST_F(TcpTransportTest, EveryResetWaitsForACallbackThatRuns) {
  TcpNode a(world_, 1);
  TcpNode b(world_, 2);
  b.ServeEcho(kEcho);
  const auto connection = *a.Dial(b);
  for (int round = 0; round < 20; ++round) {
    const auto stream = *connection->Open(kEcho);
    const auto entered = world_.runtime().NewEvent();
    const auto go_on = world_.runtime().NewEvent();
    std::atomic<bool> over = false;
    stream->WhenReadable([&] {
      entered->Set();
      go_on->Wait(world_.Soon());
      over = true;
    });
    ASSERT_TRUE(WriteText(*stream, "x", world_.Soon()).ok());
    ASSERT_TRUE(entered->Wait(world_.Soon()));
    std::atomic<int> resetting = 0, early = 0;
    TaskGroup tasks(world_.runtime().tasks(), world_.runtime().NewEvent());
    const auto reset = [&] {
      if (++resetting == 2) go_on->Set();
      stream->Reset();
      early += !over;
    };
    ASSERT_TRUE(tasks.Start("reset", reset).ok());
    ASSERT_TRUE(tasks.Start("reset", reset).ok());
    tasks.Join();
    EXPECT_EQ(early, 0);
  }
}

TEST_F(TcpTransportTest, ClosingAConnectionEndsItOnBothSidesAndItsStreams) {
  TcpNode a(world_, 1);
  TcpNode b(world_, 2);
  b.ServeEcho(kEcho);
  const auto connection = *a.Dial(b);
  const auto stream = *connection->Open(kEcho);
  EXPECT_EQ(connection->streams(), 1u);
  connection->Close();
  uint8_t byte;
  EXPECT_EQ(stream->Read({&byte, 1}, world_.Soon()).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_TRUE(a.AwaitClosed(1));
  EXPECT_TRUE(b.AwaitClosed(1));
  EXPECT_EQ(connection->Open(kEcho).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(TcpTransportTest, ARefusedConnectionIsClosed) {
  TcpNode a(world_, 1);
  TcpNode b(world_, 2);
  b.RefuseConnections();
  // The dialler's side may or may not have stood for a moment when the refusal comes.
  const auto dialled = a.Dial(b);
  if (dialled.ok()) {
    EXPECT_TRUE(a.AwaitClosed(1));
  } else {
    EXPECT_EQ(dialled.status().code(), absl::StatusCode::kUnavailable) << dialled.status();
  }
}

TEST_F(TcpTransportTest, NobodyThereIsUnavailable) {
  TcpNode a(world_, 1);
  const auto dialled = a.transport().Dial(*Multiaddr::FromString("/ip4/127.0.0.1/tcp/1"),
                                          std::nullopt, world_.Soon());
  EXPECT_EQ(dialled.status().code(), absl::StatusCode::kUnavailable) << dialled.status();
}

TEST_F(TcpTransportTest, AHostNameIsLookedUp) {
  TcpNode a(world_, 1);
  TcpNode b(world_, 2);
  const std::string named = "/dns4/localhost/tcp/" + *b.address().Value("tcp");
  const auto dialled = a.transport().Dial(*Multiaddr::FromString(named), b.peer(), world_.Soon());
  EXPECT_TRUE(dialled.ok()) << dialled.status();
}

TEST_F(TcpTransportTest, OnlyTcpAddressesCanBeDialled) {
  TcpNode a(world_, 1);
  for (const char* good : {"/ip4/1.2.3.4/tcp/1", "/ip6/::1/tcp/1", "/dns/a.b/tcp/1"}) {
    EXPECT_TRUE(a.transport().CanDial(*Multiaddr::FromString(good))) << good;
  }
  for (const char* bad : {"/ip4/1.2.3.4/udp/1/quic-v1", "/ip4/1.2.3.4/tcp/1/ws", "/memory/1"}) {
    EXPECT_FALSE(a.transport().CanDial(*Multiaddr::FromString(bad))) << bad;
  }
}

TEST_F(TcpTransportTest, TheUnspecifiedAddressBecomesThoseOfTheInterfaces) {
  TcpNode a(world_, 1);
  const auto addresses = a.transport().Listen(*Multiaddr::FromString("/ip4/0.0.0.0/tcp/0"));
  ASSERT_TRUE(addresses.ok()) << addresses.status();
  bool has_loopback = false;
  for (const Multiaddr& address : *addresses) {
    EXPECT_NE(*address.Value("ip4"), "0.0.0.0");
    EXPECT_NE(*address.Value("tcp"), "0");
    has_loopback |= address.scope() == Multiaddr::Scope::kLoopback;
  }
  EXPECT_TRUE(has_loopback);
}

TEST_F(TcpTransportTest, AfterStopListeningOnlyStandingConnectionsGoOn) {
  TcpNode a(world_, 1);
  TcpNode b(world_, 2);
  b.ServeEcho(kEcho);
  const auto connection = *a.Dial(b);
  b.transport().StopListening();
  const auto stream = *connection->Open(kEcho);
  ASSERT_TRUE(WriteText(*stream, "on", world_.Soon()).ok());
  stream->CloseWrite();
  EXPECT_EQ(*ReadAll(*stream, world_.Soon()), "on");
}

TEST_F(TcpTransportTest, GarbageInsteadOfMultistreamEndsTheConnection) {
  TcpNode node(world_, 1);
  RawPeer raw({}, node.host().identity(), node.host().identity());
  ASSERT_TRUE(raw.Connect(node.address()));
  raw.SendPlain("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(raw.ReceivePlain(1), "");
}

TEST_F(TcpTransportTest, ASlowHandshakeIsCutOff) {
  TcpNode node(world_, 1, {{"handshake_timeout", "200ms"}});
  RawPeer raw({}, node.host().identity(), node.host().identity());
  ASSERT_TRUE(raw.Connect(node.address()));
  raw.SendPlain("\x13/multi");
  EXPECT_EQ(raw.ReceivePlain(1), "");
}

TEST_F(TcpTransportTest, APeerThatSaysNothingAnyMoreIsCutOff) {
  TcpNode node(world_, 1, {{"keepalive", "100ms"}});
  TcpNode other(world_, 2);
  RawPeer raw({}, other.host().identity(), other.host().identity());
  ASSERT_TRUE(raw.Connect(node.address()));
  ASSERT_TRUE(raw.Secure(/*client=*/true));
  ASSERT_TRUE(node.AwaitClosed(1));
  EXPECT_EQ(node.endings().front().message(), "the peer does not answer any more");
}

TEST_F(TcpTransportTest, ABrokenFrameEndsTheConnectionWithGoAway) {
  TcpNode node(world_, 1);
  TcpNode other(world_, 2);
  RawPeer raw({}, other.host().identity(), other.host().identity());
  ASSERT_TRUE(raw.Connect(node.address()));
  ASSERT_TRUE(raw.Secure(/*client=*/true));
  const auto broken = YamuxHeader{.id = 1, .version = 9}.Encode();
  ASSERT_TRUE(raw.Send(AsText(broken)));
  const std::string frames = raw.Receive(1000);
  ASSERT_GE(frames.size(), kYamuxHeaderBytes);
  const auto last = YamuxHeader::Decode(AsBytes(frames).last(kYamuxHeaderBytes));
  EXPECT_EQ(last.type, YamuxType::kGoAway);
  EXPECT_EQ(last.length, 1u);
}

TEST_F(TcpTransportTest, HandshakesOverTheLimitAreClosedAtOnce) {
  TcpNode node(world_, 1, {{"max_handshakes", "1"}});
  RawPeer first({}, node.host().identity(), node.host().identity());
  RawPeer second({}, node.host().identity(), node.host().identity());
  ASSERT_TRUE(first.Connect(node.address()));
  ASSERT_TRUE(second.Connect(node.address()));
  EXPECT_EQ(second.ReceivePlain(1), "");
}

TEST_F(TcpTransportTest, AnOpenerMayCloseItsSideBeforeItReadsTheEcho) {
  TcpNode node(world_, 1);
  node.ServeEcho(kEcho);
  TcpNode other(world_, 2);
  RawPeer raw({}, other.host().identity(), other.host().identity());
  ASSERT_TRUE(raw.Connect(node.address()));
  ASSERT_TRUE(raw.Secure(/*client=*/true));
  const std::string body = MultistreamInitiator(kEcho).Opening() + "bye";
  const auto size = static_cast<uint32_t>(body.size());
  const auto data = YamuxHeader{.flags = kSyn | kFin, .id = 1, .length = size}.Encode();
  ASSERT_TRUE(raw.Send(std::string(AsText(data)) + body));
  const std::string ping_and_header = raw.Receive(2 * kYamuxHeaderBytes);
  ASSERT_EQ(ping_and_header.size(), 2 * kYamuxHeaderBytes);
  const auto answer = YamuxHeader::Decode(AsBytes(ping_and_header).last(kYamuxHeaderBytes));
  EXPECT_EQ(answer.id, 1u);
  EXPECT_EQ(answer.flags & kAck, kAck);
  EXPECT_EQ(raw.Receive(answer.length).substr(0, size - 3), MultistreamInitiator(kEcho).Opening());
}

TEST_F(TcpTransportTest, ManyStreamsFromManyTasksAtOnce) {
  TcpNode a(world_, 1);
  TcpNode b(world_, 2);
  b.ServeEcho(kEcho);
  const auto connection = *a.Dial(b);
  std::atomic<int> right = 0;
  TaskGroup tasks(world_.runtime().tasks(), world_.runtime().NewEvent());
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(tasks
                    .Start("echo",
                           [&, i] {
                             const std::string text(static_cast<size_t>(i) * 3000 + 1, 'e');
                             const auto stream = *connection->Open(kEcho);
                             if (!WriteText(*stream, text, world_.Soon()).ok()) return;
                             stream->CloseWrite();
                             right += ReadAll(*stream, world_.Soon()).value_or("") == text;
                           })
                    .ok());
  }
  tasks.Join();
  EXPECT_EQ(right, 50);
}

}  // namespace
}  // namespace l2p::tcp
