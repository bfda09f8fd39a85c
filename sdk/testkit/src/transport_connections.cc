#include "expect.h"
#include "transport_ends.h"

namespace l2p::testkit {
namespace {

struct Place {
  World& world;
  const Factory<Transport>& factory;
};

absl::Status SaysWhoIsThere(const Place& place) {
  L2P_ASSIGN_OR_RETURN(const Pair pair, Pair::Make(place.world, place.factory));
  L2P_EXPECT(pair.ours->peer() == pair.listener->peer(), "the dialer sees the wrong peer");
  L2P_EXPECT(pair.theirs->peer() == pair.dialer->peer(), "the listener sees the wrong peer");
  L2P_EXPECT(pair.ours->outbound() && !pair.theirs->outbound(), "outbound() is wrong");
  L2P_EXPECT(pair.ours->remote() == pair.address, "the dialer's remote() is ",
             pair.ours->remote().ToString(), ", not the dialled ", pair.address.ToString());
  L2P_EXPECT(!pair.theirs->remote().empty() && !pair.theirs->remote().peer(),
             "the listener's remote() is empty or ends in /p2p");
  L2P_EXPECT(!pair.ours->local().empty() && !pair.theirs->local().empty(), "local() is empty");
  L2P_EXPECT(pair.ours->streams() == 0, "a new connection has open streams");
  return absl::OkStatus();
}

absl::Status ListensOnARealPort(const Place& place) {
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<TransportEnd> end,
                       TransportEnd::Start(place.world, 0, place.factory));
  L2P_ASSIGN_OR_RETURN(const Multiaddr address, end->Listen());
  L2P_EXPECT(address.Value("tcp") != "0", "Listen returned port 0");
  L2P_EXPECT(end->transport().CanDial(address),
             "CanDial refuses what Listen returned: ", address.ToString());
  const Multiaddr strange = *Multiaddr::FromString("/unix/x");
  L2P_EXPECT(!end->transport().CanDial(strange), "CanDial(/unix/x) is true");
  L2P_EXPECT(!end->transport().Listen(strange).ok(), "Listen(/unix/x) is OK");
  L2P_EXPECT(!end->transport().Dial(strange, std::nullopt, end->In(kPatience)).ok(),
             "Dial(/unix/x) is OK");
  return absl::OkStatus();
}

absl::Status DialsWithoutAnExpectedPeer(const Place& place) {
  L2P_ASSIGN_OR_RETURN(const Pair pair, Pair::Make(place.world, place.factory));
  L2P_ASSIGN_OR_RETURN(
      const std::shared_ptr<Connection> second,
      pair.dialer->transport().Dial(pair.address, std::nullopt, pair.dialer->In(kPatience)));
  L2P_EXPECT(second->peer() == pair.listener->peer(), "the dialer sees the wrong peer");
  return absl::OkStatus();
}

absl::Status RefusesAnotherPeerThanExpected(const Place& place) {
  L2P_ASSIGN_OR_RETURN(const Pair pair, Pair::Make(place.world, place.factory));
  const absl::Status status =
      pair.dialer->transport()
          .Dial(pair.address, pair.dialer->peer(), pair.dialer->In(kPatience))
          .status();
  return ExpectCode(status, absl::StatusCode::kDataLoss, "Dial expecting another peer");
}

absl::Status SaysThatNobodyIsThere(const Place& place) {
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<TransportEnd> end,
                       TransportEnd::Start(place.world, 1, place.factory));
  const absl::Status status =
      end->transport()
          .Dial(place.world.refusing_address(), std::nullopt, end->In(kPatience))
          .status();
  return ExpectCode(status, absl::StatusCode::kUnavailable, "Dial where nobody listens");
}

absl::Status KeepsTheDeadlineOfADial(const Place& place) {
  L2P_ASSIGN_OR_RETURN(const Pair pair, Pair::Make(place.world, place.factory));
  const Time before = pair.dialer->host().Now();
  const absl::Status status =
      pair.dialer->transport()
          .Dial(pair.address, pair.listener->peer(), before - absl::Seconds(1))
          .status();
  L2P_EXPECT(pair.dialer->host().Now() - before < absl::Seconds(5), "Dial overran its deadline");
  return ExpectCode(status, absl::StatusCode::kDeadlineExceeded, "Dial with a past deadline");
}

absl::Status LetsTheKernelRefuseAConnection(const Place& place) {
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<TransportEnd> listener,
                       TransportEnd::Start(place.world, 0, place.factory));
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<TransportEnd> dialer,
                       TransportEnd::Start(place.world, 1, place.factory));
  L2P_ASSIGN_OR_RETURN(const Multiaddr address, listener->Listen());
  listener->inbound().RefuseConnections();
  const absl::StatusOr<std::shared_ptr<Connection>> dialled =
      dialer->transport().Dial(address, listener->peer(), dialer->In(kPatience));
  if (!dialled.ok()) return absl::OkStatus();
  // The dialer may be done before the listener has decided; then it hears at once.
  return WithContext(dialer->inbound().AwaitClosed(1), "a refused connection");
}

absl::Status OpensStreamsFromBothSides(const Place& place) {
  L2P_ASSIGN_OR_RETURN(Pair pair, Pair::Make(place.world, place.factory));
  for (const bool from_listener : {false, true}) {
    L2P_ASSIGN_OR_RETURN(const Pair::Pipe pipe, pair.OpenPipe("ping", from_listener));
    const Time deadline = pair.dialer->In(kPatience);
    L2P_ASSIGN_OR_RETURN(const std::string ping, ReadExactly(*pipe.far, 4, deadline));
    L2P_RETURN_IF_ERROR(WriteText(*pipe.far, "pong", deadline));
    L2P_ASSIGN_OR_RETURN(const std::string pong, ReadExactly(*pipe.near, 4, deadline));
    L2P_EXPECT(ping == "ping" && pong == "pong", "found ", ping, " and ", pong);
  }
  return absl::OkStatus();
}

absl::Status CarriesManyStreamsAtOnce(const Place& place) {
  L2P_ASSIGN_OR_RETURN(Pair pair, Pair::Make(place.world, place.factory));
  constexpr size_t kStreams = 100;
  std::vector<Pair::Pipe> pipes;
  for (size_t i = 0; i < kStreams; ++i) {
    L2P_ASSIGN_OR_RETURN(Pair::Pipe pipe, pair.OpenPipe(absl::StrCat("stream ", 1000 + i)));
    pipes.push_back(std::move(pipe));
  }
  L2P_EXPECT(pair.ours->streams() == kStreams && pair.theirs->streams() == kStreams,
             "100 open streams count as ", pair.ours->streams(), " and ", pair.theirs->streams());
  const Time deadline = pair.dialer->In(kPatience);
  for (size_t i = kStreams; i-- > 0;) {
    const std::string wanted = absl::StrCat("stream ", 1000 + i);
    L2P_ASSIGN_OR_RETURN(const std::string found,
                         ReadExactly(*pipes[i].far, wanted.size(), deadline));
    L2P_EXPECT(found == wanted, "stream ", i, " carries ", found);
  }
  pipes.clear();
  L2P_EXPECT(Eventually(pair.dialer->host(),
                        [&] { return pair.ours->streams() == 0 && pair.theirs->streams() == 0; }),
             "destroyed streams still count as open");
  return absl::OkStatus();
}

absl::Status TellsBothSidesOfAClose(const Place& place) {
  for (const bool by_listener : {false, true}) {
    L2P_ASSIGN_OR_RETURN(Pair pair, Pair::Make(place.world, place.factory));
    L2P_ASSIGN_OR_RETURN(const Pair::Pipe pipe, pair.OpenPipe());
    const std::shared_ptr<Connection>& closing = by_listener ? pair.theirs : pair.ours;
    closing->Close();
    closing->Close();
    L2P_RETURN_IF_ERROR(WithContext(pair.dialer->inbound().AwaitClosed(1), "the dialer"));
    L2P_RETURN_IF_ERROR(WithContext(pair.listener->inbound().AwaitClosed(1), "the listener"));
    const Time deadline = pair.dialer->In(kPatience);
    L2P_RETURN_IF_ERROR(ExpectBroken(*pipe.near, deadline, "a stream of a closed connection"));
    L2P_RETURN_IF_ERROR(ExpectBroken(*pipe.far, deadline, "a stream of a closed connection"));
    L2P_EXPECT(!closing->Open(kTestProtocol).ok(), "Open on a closed connection is OK");
    pair.dialer->Stop();
    pair.listener->Stop();
    L2P_EXPECT(pair.dialer->inbound().closed() == 1 && pair.listener->inbound().closed() == 1,
               "OnClosed was called for a connection that never was");
    L2P_EXPECT(
        pair.dialer->inbound().late_calls() == 0 && pair.listener->inbound().late_calls() == 0,
        "OnClosed was called twice, or OnStream after it");
  }
  return absl::OkStatus();
}

absl::Status KeepsConnectionsWhenListeningStops(const Place& place) {
  L2P_ASSIGN_OR_RETURN(Pair pair, Pair::Make(place.world, place.factory));
  pair.listener->transport().StopListening();
  const absl::Status again =
      pair.dialer->transport()
          .Dial(pair.address, pair.listener->peer(), pair.dialer->In(absl::Seconds(2)))
          .status();
  L2P_EXPECT(!again.ok(), "Dial after StopListening is OK");
  L2P_ASSIGN_OR_RETURN(const Pair::Pipe pipe, pair.OpenPipe("still"));
  return ReadExactly(*pipe.far, 5, pair.dialer->In(kPatience)).status();
}

absl::Status ClosesConnectionsWhenStopped(const Place& place) {
  L2P_ASSIGN_OR_RETURN(Pair pair, Pair::Make(place.world, place.factory));
  L2P_ASSIGN_OR_RETURN(const Pair::Pipe pipe, pair.OpenPipe());
  L2P_RETURN_IF_ERROR(ReadExactly(*pipe.far, 5, pair.dialer->In(kPatience)).status());
  absl::Status read;
  {
    TaskGroup group(pair.listener->host().tasks(), pair.listener->host().NewEvent());
    L2P_RETURN_IF_ERROR(group.Start("conformance", [&] {
      uint8_t byte;
      read = pipe.far->Read({&byte, 1}, pair.listener->In(absl::Hours(1))).status();
    }));
    pair.listener->Stop();
  }
  L2P_RETURN_IF_ERROR(ExpectCode(read, absl::StatusCode::kUnavailable, "Read across Stop"));
  L2P_EXPECT(pair.listener->inbound().closed() == 1, "Stop returned before OnClosed was called");
  L2P_RETURN_IF_ERROR(WithContext(pair.dialer->inbound().AwaitClosed(1), "the other side"));
  return ExpectBroken(*pipe.near, pair.dialer->In(kPatience), "a stream to a stopped transport");
}

}  // namespace

std::vector<ConformanceCase> TransportConnections(const Factory<Transport>& factory,
                                                  const WorldFactory& world) {
  const auto one = [&](const char* name, absl::Status (*check)(const Place&)) {
    return ConformanceCase{name, [factory, world, check] {
                             const std::unique_ptr<World> place = world();
                             return place->Run([&] { return check({*place, factory}); });
                           }};
  };
  return {
      one("SaysWhoIsThere", SaysWhoIsThere),
      one("ListensOnARealPort", ListensOnARealPort),
      one("DialsWithoutAnExpectedPeer", DialsWithoutAnExpectedPeer),
      one("RefusesAnotherPeerThanExpected", RefusesAnotherPeerThanExpected),
      one("SaysThatNobodyIsThere", SaysThatNobodyIsThere),
      one("KeepsTheDeadlineOfADial", KeepsTheDeadlineOfADial),
      one("LetsTheKernelRefuseAConnection", LetsTheKernelRefuseAConnection),
      one("OpensStreamsFromBothSides", OpensStreamsFromBothSides),
      one("CarriesManyStreamsAtOnce", CarriesManyStreamsAtOnce),
      one("TellsBothSidesOfAClose", TellsBothSidesOfAClose),
      one("KeepsConnectionsWhenListeningStops", KeepsConnectionsWhenListeningStops),
      one("ClosesConnectionsWhenStopped", ClosesConnectionsWhenStopped),
  };
}

}  // namespace l2p::testkit
