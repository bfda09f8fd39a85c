#include "l2p/messenger.h"

#include "absl/strings/str_cat.h"
#include "l2p/varint.h"
#include "sim_peer.h"

namespace l2p {
namespace {

constexpr char kProtocol[] = "/test/1";
constexpr size_t kMost = 1000;

std::string Frame(std::string_view message) {
  std::string frame;
  AppendVarint(message.size(), frame);
  return frame + std::string(message);
}

absl::StatusOr<std::optional<Bytes>> Echo(const Caller&, ByteView request) {
  return Bytes::Copy(request);
}

class MessengerTest : public SimNetworkTest {
 protected:
  // The outcome of one call.
  static absl::StatusOr<std::string> Ask(SimPeer& from, const PeerInfo& to,
                                         const std::string& request,
                                         Duration within = absl::Seconds(5)) {
    const auto calls = from.messenger->NewCalls();
    const uint64_t call =
        calls->Send(to, kProtocol, Bytes::Copy(request), kMost, from.runtime.Now() + within);
    const auto answer = calls->Next(absl::InfiniteFuture());
    if (!answer) return absl::InternalError("no outcome");
    EXPECT_EQ(answer->call, call);
    EXPECT_EQ(calls->on_the_way(), 0u);
    if (!answer->result.ok()) return answer->result.status();
    return std::string(answer->result->text());
  }
};

TEST_F(MessengerTest, ACallDialsIfNeedBeAndGetsItsAnswer) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    PeerId caller;
    const auto served = b.messenger->Serve(kProtocol, kMost, [&](const Caller& from, ByteView) {
      caller = from.peer;
      return Bytes::Copy("answer");
    });
    const auto calls = a.messenger->NewCalls();
    calls->Send(b.info(), kProtocol, Bytes::Copy("one"), kMost, a.Soon());
    const auto first = calls->Next(a.Soon());
    ASSERT_TRUE(first && first->result.ok()) << first->result.status();
    EXPECT_EQ(first->result->text(), "answer");
    EXPECT_TRUE(first->dialled);
    EXPECT_EQ(caller, a.id());
    calls->Send(b.info(), kProtocol, Bytes::Copy("two"), kMost, a.Soon());
    const auto second = calls->Next(a.Soon());
    ASSERT_TRUE(second && second->result.ok());
    EXPECT_FALSE(second->dialled);
    EXPECT_EQ(second->took, absl::Milliseconds(20)) << "one round trip";
    EXPECT_EQ(a.net->RttP90(b.id()), absl::Milliseconds(20));
    EXPECT_FALSE(calls->Next(absl::InfiniteFuture()).has_value()) << "nothing is on the way";
  });
}

TEST_F(MessengerTest, CallsOverStandingConnectionsOwnNoTask) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    b.protocols[kProtocol] = [&](std::unique_ptr<Stream> s) { b.kept.push_back(std::move(s)); };
    ASSERT_TRUE(a.net->Connect(b.info(), a.Soon()).ok());
    const auto calls = a.messenger->NewCalls();
    for (int i = 0; i < 500; ++i) {
      calls->Send(b.info(), kProtocol, Bytes::Copy("x"), kMost, a.Soon());
    }
    Sleep(absl::Seconds(1));
    EXPECT_EQ(calls->on_the_way(), 500u);
    EXPECT_EQ(a.runtime.running(), 0u);
  });
}

TEST_F(MessengerTest, AnswersComeAsTheyArriveAndLateOnesAsDeadlineExceeded) {
  Run([&] {
    SimPeer a(simulation, network);
    std::vector<std::unique_ptr<SimPeer>> peers;
    std::vector<std::unique_ptr<Registration>> served;
    std::map<uint64_t, size_t> peer_of;
    const auto calls = a.messenger->NewCalls();
    for (size_t i = 0; i < 30; ++i) {
      peers.push_back(std::make_unique<SimPeer>(simulation, network));
      SimPeer& peer = *peers.back();
      served.push_back(*peer.messenger->Serve(kProtocol, kMost, [&, i](const Caller&, ByteView) {
        simulation.Sleep(absl::Seconds(30 - i));
        return Bytes::Copy("late");
      }));
      peer_of[calls->Send(peer.info(), kProtocol, Bytes::Copy("x"), kMost,
                          a.runtime.Now() + absl::Seconds(20.5))] = i;
    }
    EXPECT_FALSE(calls->Next(a.runtime.Now() + absl::Seconds(1)).has_value());
    size_t expected = 29;
    size_t late = 0;
    while (const auto answer = calls->Next(absl::InfiniteFuture())) {
      if (answer->result.ok()) {
        EXPECT_EQ(peer_of[answer->call], expected--);
      } else {
        EXPECT_TRUE(absl::IsDeadlineExceeded(answer->result.status())) << answer->result.status();
        ++late;
      }
    }
    EXPECT_EQ(late, 10u);
    EXPECT_EQ(expected, 9u);
    Sleep(absl::Seconds(15));
  });
}

TEST_F(MessengerTest, AbandonedCallsLeaveNoStreams) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    b.protocols[kProtocol] = [&](std::unique_ptr<Stream> s) { b.kept.push_back(std::move(s)); };
    ASSERT_TRUE(a.net->Connect(b.info(), a.Soon()).ok());
    Sleep(absl::Seconds(1));
    auto calls = a.messenger->NewCalls();
    for (int i = 0; i < 50; ++i) {
      calls->Send(b.info(), kProtocol, Bytes::Copy("x"), kMost, a.Soon());
    }
    EXPECT_EQ(a.net->Peers()[0].streams, 50u);
    // And some that still dial.
    calls->Send({TestIdentity(77)->peer(), {Address("/ip4/10.9.9.9/tcp/1")}}, kProtocol, {}, kMost,
                a.Soon());
    calls.reset();
    EXPECT_EQ(a.net->Peers()[0].streams, 0u);
    Sleep(absl::Seconds(20));
  });
}

TEST_F(MessengerTest, ACallToNobodyFailsAndSaysWhoWasAsked) {
  Run([&] {
    SimPeer a(simulation, network);
    const PeerId nobody = TestIdentity(77)->peer();
    const auto answer = Ask(a, {nobody, {Address("/memory/nobody")}}, "x");
    EXPECT_TRUE(absl::IsUnavailable(answer.status())) << answer.status();
    EXPECT_THAT(std::string(answer.status().message()), testing::HasSubstr(nobody.ToString()));
    EXPECT_FALSE(Ask(a, {nobody, {}}, "x").ok());
    EXPECT_TRUE(absl::IsInvalidArgument(Ask(a, a.info(), "x").status()));
  });
}

TEST_F(MessengerTest, ARefusedProtocolIsUnavailable) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    EXPECT_TRUE(absl::IsUnavailable(Ask(a, b.info(), "x").status()));
  });
}

TEST_F(MessengerTest, AHandlersErrorOrNoAnswerEndsTheCall) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    const auto served = b.messenger->Serve(
        kProtocol, kMost,
        [](const Caller&, ByteView request) -> absl::StatusOr<std::optional<Bytes>> {
          if (AsText(request) == "bad") return absl::InvalidArgumentError("bad");
          return std::nullopt;
        });
    EXPECT_TRUE(absl::IsUnavailable(Ask(a, b.info(), "bad").status()));
    EXPECT_TRUE(absl::IsUnavailable(Ask(a, b.info(), "none").status()));
  });
}

TEST_F(MessengerTest, AnswersThatAreTooLongOrMalformedAreRefused) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    const std::vector<std::string> bad = {
        Frame(std::string(kMost + 1, 'x')),
        "\xff\xff\xff\xff\xff\xff\xff\xff\x7f",
        "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        std::string("\x80\x00", 2),
        "\x05xyz",
    };
    for (const std::string& bytes : bad) {
      b.Say(kProtocol, bytes);
      const auto answer = Ask(a, b.info(), "x");
      EXPECT_TRUE(absl::IsInvalidArgument(answer.status())) << answer.status();
    }
    b.Say(kProtocol, "");
    EXPECT_TRUE(absl::IsUnavailable(Ask(a, b.info(), "x").status()));
    b.Say(kProtocol, std::string(1, '\0'));
    EXPECT_EQ(*Ask(a, b.info(), "x"), "");
  });
}

TEST_F(MessengerTest, AnswersTheRequestsOfOneStreamInOrder) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    int delay = 5;
    const auto served = a.messenger->Serve(kProtocol, kMost, [&](const Caller& c, ByteView bytes) {
      simulation.Sleep(absl::Milliseconds(delay--));
      return Echo(c, bytes);
    });
    auto stream = *b.Dial(a)->Open(kProtocol);
    const std::string all = Frame("one") + Frame("") + Frame("three") + Frame("four");
    for (char c : all) RawPeer::Send(*stream, std::string(1, c));
    stream->CloseWrite();
    EXPECT_EQ(b.ReadAll(*stream), all);
  });
}

TEST_F(MessengerTest, ResetsAStreamWhoseRequestIsTooLongOrMalformed) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    int handled = 0;
    const auto served = a.messenger->Serve(kProtocol, kMost, [&](const Caller& c, ByteView bytes) {
      ++handled;
      return Echo(c, bytes);
    });
    const auto connection = b.Dial(a);
    for (const std::string& bytes :
         {Frame(std::string(kMost + 1, 'x')), std::string("\x80\x00", 2)}) {
      auto stream = *connection->Open(kProtocol);
      RawPeer::Send(*stream, bytes);
      uint8_t byte;
      EXPECT_TRUE(absl::IsUnavailable(
          stream->Read({&byte, 1}, b.runtime.Now() + absl::Seconds(1)).status()));
    }
    EXPECT_EQ(handled, 0);
    auto stream = *connection->Open(kProtocol);
    RawPeer::Send(*stream, Frame(std::string(kMost, 'x')));
    stream->CloseWrite();
    EXPECT_EQ(b.ReadAll(*stream).size(), kMost + 2) << "the connection goes on";
  });
}

TEST_F(MessengerTest, AReaderThatNeverReadsCostsOneAnswerAndNoTask) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    size_t handled = 0;
    const auto served = a.messenger->Serve(kProtocol, kMost, [&](const Caller&, ByteView) {
      ++handled;
      return Bytes::Of(std::string(400'000, 'x'));
    });
    auto stream = *b.Dial(a)->Open(kProtocol);
    for (int i = 0; i < 20; ++i) RawPeer::Send(*stream, Frame("more"));
    Sleep(absl::Seconds(5));
    EXPECT_LE(handled, 4u);
    EXPECT_EQ(a.runtime.running(), 0u);
    stream->CloseWrite();
    EXPECT_EQ(b.ReadAll(*stream).size(), 20u * 400'003);
  });
}

TEST_F(MessengerTest, CapsTheStreamsOfOnePeer) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    const auto served = a.messenger->Serve(kProtocol, kMost, Echo);
    const auto connection = b.Dial(a);
    std::vector<std::unique_ptr<Stream>> streams;
    for (size_t i = 0; i < ServedProtocols::kMostStreamsOfPeer + 5; ++i) {
      streams.push_back(*connection->Open(kProtocol));
      RawPeer::Send(*streams.back(), Frame("x"));
    }
    size_t answered = 0;
    for (auto& stream : streams) {
      uint8_t answer[10];
      answered += stream->Read(answer, b.runtime.Now() + absl::Seconds(1)).ok();
    }
    EXPECT_EQ(answered, ServedProtocols::kMostStreamsOfPeer);
  });
}

TEST_F(MessengerTest, CapsTheRequestsThatRunAndThoseThatWait) {
  Run([&] {
    SimPeer a(simulation, network);
    size_t running = 0;
    size_t most = 0;
    const auto served = a.messenger->Serve(kProtocol, kMost, [&](const Caller& c, ByteView bytes) {
      most = std::max(most, ++running);
      simulation.Sleep(absl::Seconds(1));
      --running;
      return Echo(c, bytes);
    });
    constexpr size_t kPeers = 25;
    std::vector<std::unique_ptr<RawPeer>> peers;
    std::vector<std::unique_ptr<Stream>> streams;
    for (size_t i = 0; i < kPeers; ++i) {
      peers.push_back(std::make_unique<RawPeer>(simulation, network));
      const auto connection = peers.back()->Dial(a);
      for (size_t j = 0; j < ServedProtocols::kMostStreamsOfPeer; ++j) {
        streams.push_back(*connection->Open(kProtocol));
      }
    }
    for (auto& stream : streams) RawPeer::Send(*stream, Frame("x"));
    size_t answered = 0;
    for (auto& stream : streams) {
      uint8_t answer[10];
      answered += stream->Read(answer, a.Soon(absl::Minutes(1))).ok();
    }
    EXPECT_EQ(most, ServedProtocols::kMostRunningRequests);
    EXPECT_EQ(answered,
              ServedProtocols::kMostRunningRequests + ServedProtocols::kMostQueuedRequests);
    streams.clear();
  });
}

TEST_F(MessengerTest, ResetsAStreamThatIsIdleForTooLong) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    const auto served = a.messenger->Serve(kProtocol, kMost, Echo);
    auto stream = *b.Dial(a)->Open(kProtocol);
    RawPeer::Send(*stream, "\x50half");
    uint8_t byte;
    const Time start = b.runtime.Now();
    EXPECT_TRUE(
        absl::IsUnavailable(stream->Read({&byte, 1}, b.runtime.Now() + absl::Minutes(5)).status()));
    EXPECT_GE(b.runtime.Now() - start, ServedProtocols::kIdleLimit);
    EXPECT_LE(b.runtime.Now() - start, ServedProtocols::kIdleLimit + 2 * Network::kSweepPeriod);
  });
}

TEST_F(MessengerTest, AProtocolHasOneHandlerUntilItsRegistrationEnds) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    bool handling = false;
    auto served = b.messenger->Serve(kProtocol, kMost, [&](const Caller& c, ByteView bytes) {
      handling = true;
      simulation.Sleep(absl::Seconds(1));
      handling = false;
      return Echo(c, bytes);
    });
    ASSERT_TRUE(served.ok());
    EXPECT_TRUE(absl::IsAlreadyExists(b.messenger->Serve(kProtocol, kMost, Echo).status()));
    const auto calls = a.messenger->NewCalls();
    calls->Send(b.info(), kProtocol, Bytes::Copy("x"), kMost, a.Soon());
    Sleep(absl::Milliseconds(500));
    EXPECT_TRUE(handling);
    served->reset();
    EXPECT_FALSE(handling) << "it waits for a running handler";
    const auto answer = calls->Next(a.Soon());
    EXPECT_TRUE(answer && answer->result.ok()) << answer->result.status();
    EXPECT_TRUE(absl::IsUnavailable(Ask(a, b.info(), "x").status()));
    EXPECT_TRUE(b.messenger->Serve(kProtocol, kMost, Echo).ok());
  });
}

// Remembers what it is told, and does not answer.
Messenger::Handler Hearing(std::vector<std::string>& heard) {
  return [&heard](const Caller&, ByteView request) -> absl::StatusOr<std::optional<Bytes>> {
    heard.emplace_back(AsText(request));
    return std::nullopt;
  };
}

TEST_F(MessengerTest, ToldMessagesArriveThoughTheTellerGoesOn) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    std::vector<std::string> heard;
    const auto served = b.messenger->Serve(kProtocol, 300'000, Hearing(heard));
    const std::string message(300'000, 'm');
    ASSERT_TRUE(a.messenger->Tell(b.info(), kProtocol, {{Bytes::Copy(message)}}, a.Soon()).ok());
    Sleep(absl::Seconds(1));
    EXPECT_EQ(heard, std::vector<std::string>{message});
    EXPECT_EQ(a.net->Peers()[0].streams, 0u);
    EXPECT_EQ(b.net->Peers()[0].streams, 0u);
  });
}

TEST_F(MessengerTest, MessagesToldTogetherArriveInOrderOnOneStreamAndAsOneWrite) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    std::vector<std::string> heard;
    const auto served = b.messenger->Serve(kProtocol, 100, Hearing(heard));
    ASSERT_TRUE(a.messenger->Tell(b.info(), kProtocol, {{Bytes::Copy("first")}}, a.Soon()).ok());
    Sleep(absl::Seconds(1));
    const uint64_t before = network.total().messages_out;
    const std::vector<Bytes> more = {Bytes::Copy("second"), Bytes(), Bytes::Copy("fourth")};
    ASSERT_TRUE(a.messenger->Tell(b.info(), kProtocol, more, a.Soon()).ok());
    Sleep(absl::Seconds(1));
    EXPECT_EQ(heard, (std::vector<std::string>{"first", "second", "", "fourth"}));
    EXPECT_EQ(network.total().messages_out - before, 1u);
    EXPECT_EQ(a.net->Peers()[0].streams, 1u) << "it lingers, as js needs";
    Sleep(EndingStreams::kLinger + Network::kSweepPeriod);
    EXPECT_EQ(a.net->Peers()[0].streams, 0u);
    EXPECT_EQ(b.net->Peers()[0].streams, 0u);
  });
}

TEST_F(MessengerTest, AStreamHandlerStartsWithTheFirstBytesAndOwnsTheStream) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    std::vector<std::string> heard;
    const auto served = b.messenger->ServeStreams(
        kProtocol, [&](const Caller& from, std::unique_ptr<Stream> stream) {
          EXPECT_EQ(from.peer, a.id());
          uint8_t bytes[100];
          const auto read = stream->Read(bytes, absl::InfinitePast());
          ASSERT_TRUE(read.ok()) << "the first bytes are there: " << read.status();
          heard.emplace_back(AsText(ByteView(bytes).first(*read)));
          stream->CloseWrite();
        });
    auto stream = a.messenger->Open(b.info(), kProtocol, a.Soon());
    ASSERT_TRUE(stream.ok()) << stream.status();
    Sleep(absl::Seconds(1));
    EXPECT_TRUE(heard.empty());
    RawPeer::Send(**stream, "hello");
    (*stream)->CloseWrite();
    uint8_t byte;
    EXPECT_EQ(*(*stream)->Read({&byte, 1}, a.Soon()), 0u);
    EXPECT_EQ(heard, std::vector<std::string>{"hello"});
  });
}

TEST_F(MessengerTest, AWatcherHearsOfPeersInOrderAndFirstOfThoseThatStand) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    SimPeer c(simulation, network);
    ASSERT_TRUE(a.net->Connect(b.info(), a.Soon()).ok());
    Sleep(absl::Seconds(1));
    std::vector<std::string> heard;
    bool inside = false;
    auto note = [&](const std::string& what, const PeerId& peer) {
      EXPECT_FALSE(inside) << "one call at a time";
      inside = true;
      simulation.Sleep(absl::Milliseconds(300));
      inside = false;
      heard.push_back(what + (peer == b.id() ? " b" : " c"));
    };
    auto watch =
        a.messenger->Watch({[&](const PeerInfo& peer, const auto& protocols) {
                              EXPECT_EQ(peer.addresses.size(), 1u);
                              EXPECT_TRUE(std::is_sorted(protocols.begin(), protocols.end()));
                              note("up", peer.id);
                            },
                            [&](const PeerId& peer) { note("down", peer); }});
    ASSERT_TRUE(c.net->Connect(a.info(), a.Soon()).ok());
    Sleep(absl::Seconds(1));
    b.Stop();
    Sleep(absl::Seconds(1));
    EXPECT_EQ(heard, (std::vector<std::string>{"up b", "up c", "down b"}));
    watch.reset();
    c.Stop();
    Sleep(absl::Seconds(1));
    EXPECT_EQ(heard.size(), 3u);
  });
}

TEST_F(MessengerTest, PingMeasuresARoundTrip) {
  Run([&] {
    SimPeer a(simulation, network);
    SimPeer b(simulation, network);
    for (int i = 0; i < 3; ++i) {
      EXPECT_EQ(*a.net->Ping(b.info(), a.Soon()), absl::Milliseconds(20));
    }
    EXPECT_EQ(a.net->RttP50(b.id()), absl::Milliseconds(20));
    Sleep(absl::Seconds(1));
    EXPECT_EQ(b.net->Peers()[0].streams, 0u);
  });
}

TEST_F(MessengerTest, PingIsAnsweredInUnitsOfThirtyTwoHoweverTheyAreSplit) {
  Run([&] {
    SimPeer a(simulation, network);
    RawPeer b(simulation, network);
    auto stream = *b.Dial(a)->Open(Network::kPingProtocol);
    std::string pings;
    for (int i = 0; i < 3 * 32; ++i) pings.push_back(static_cast<char>(i));
    RawPeer::Send(*stream, pings.substr(0, 50));
    Sleep(absl::Seconds(1));
    RawPeer::Send(*stream, pings.substr(50));
    stream->CloseWrite();
    EXPECT_EQ(b.ReadAll(*stream), pings);
  });
}

}  // namespace
}  // namespace l2p
