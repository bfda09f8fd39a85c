#include <atomic>

#include "expect.h"
#include "l2p/testkit/transport_conformance.h"
#include "transport_ends.h"

namespace l2p::testkit {
namespace {

// A case about the streams of one connection.
using StreamCheck = absl::Status (*)(Pair&);

// Writes `bytes` in pieces of up to 64 KiB, then CloseWrite.
absl::Status WriteAll(Stream& stream, const std::string& bytes, Time deadline) {
  const Bytes all = Bytes::Copy(bytes);
  for (size_t at = 0; at < all.size();) {
    const size_t size = std::min<size_t>(65536, all.size() - at);
    const Bytes part = all.Slice(at, size);
    L2P_RETURN_IF_ERROR(WithContext(stream.Write({&part, 1}, deadline), "Write"));
    at += size;
  }
  stream.CloseWrite();
  return absl::OkStatus();
}

absl::Status SendsWhatWasWrittenRightAfterOpen(Pair& pair) {
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Stream> near, pair.ours->Open(kTestProtocol));
  const Bytes parts[] = {Bytes::Copy("one "), Bytes(), Bytes::Copy("two "), Bytes::Copy("three")};
  const Time deadline = pair.dialer->In(kPatience);
  L2P_RETURN_IF_ERROR(WithContext(near->Write(parts, deadline), "Write"));
  near->CloseWrite();
  L2P_ASSIGN_OR_RETURN(const RecordingInbound::Opened far, pair.listener->inbound().NextStream());
  L2P_EXPECT(far.connection == pair.theirs, "OnStream names another connection");
  L2P_ASSIGN_OR_RETURN(const std::string found, ReadToEnd(*far.stream, deadline));
  L2P_EXPECT(found == "one two three", "found \"", found, "\"");
  return absl::OkStatus();
}

absl::Status OffersTheProtocolToReadFirst(Pair& pair) {
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Stream> near, pair.ours->Open(kTestProtocol));
  near->CloseWrite();
  L2P_ASSIGN_OR_RETURN(const RecordingInbound::Opened far, pair.listener->inbound().NextStream());
  const Time deadline = pair.dialer->In(kPatience);
  L2P_RETURN_IF_ERROR(WriteText(*far.stream, "the answer", deadline));
  far.stream->CloseWrite();
  L2P_ASSIGN_OR_RETURN(const std::string found, ReadToEnd(*near, deadline));
  L2P_EXPECT(found == "the answer", "found \"", found, "\"");
  return absl::OkStatus();
}

absl::Status ShowsARefusedProtocolOnRead(Pair& pair) {
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Stream> near, pair.ours->Open(kUnknownProtocol));
  L2P_RETURN_IF_ERROR(WriteText(*near, "hello", pair.dialer->In(kPatience)));
  uint8_t byte;
  L2P_RETURN_IF_ERROR(ExpectCode(near->Read({&byte, 1}, pair.dialer->In(kPatience)).status(),
                                 absl::StatusCode::kUnavailable, "Read of a refused protocol"));
  L2P_ASSIGN_OR_RETURN(const Pair::Pipe pipe, pair.OpenPipe("next"));
  return ReadExactly(*pipe.far, 4, pair.dialer->In(kPatience)).status();
}

absl::Status EndsOneDirectionOnly(Pair& pair) {
  L2P_ASSIGN_OR_RETURN(const Pair::Pipe pipe, pair.OpenPipe("last words"));
  const Time deadline = pair.dialer->In(kPatience);
  pipe.near->CloseWrite();
  L2P_ASSIGN_OR_RETURN(const std::string found, ReadToEnd(*pipe.far, deadline));
  L2P_EXPECT(found == "last words", "before the end came \"", found, "\"");
  uint8_t byte;
  L2P_ASSIGN_OR_RETURN(const size_t again, pipe.far->Read({&byte, 1}, deadline));
  L2P_EXPECT(again == 0, "Read after the end gave bytes");
  for (const char* text : {"first", "later"}) {
    L2P_RETURN_IF_ERROR(WithContext(WriteText(*pipe.far, text, deadline), "the other direction"));
    L2P_ASSIGN_OR_RETURN(const std::string answer, ReadExactly(*pipe.near, 5, deadline));
    L2P_EXPECT(answer == text, "the other direction carries ", answer);
  }
  L2P_EXPECT(!WriteText(*pipe.near, "x", deadline).ok(), "Write after CloseWrite is OK");
  return absl::OkStatus();
}

absl::Status ShowsAResetToTheOtherSide(Pair& pair) {
  for (const bool by_opener : {true, false}) {
    L2P_ASSIGN_OR_RETURN(const Pair::Pipe pipe, pair.OpenPipe());
    Stream& resetting = by_opener ? *pipe.near : *pipe.far;
    Stream& other = by_opener ? *pipe.far : *pipe.near;
    resetting.Reset();
    resetting.Reset();
    const Time deadline = pair.dialer->In(kPatience);
    L2P_RETURN_IF_ERROR(ExpectBroken(other, deadline, "Read after the other side's Reset"));
    L2P_RETURN_IF_ERROR(ExpectCode(WriteText(other, "x", deadline), absl::StatusCode::kUnavailable,
                                   "Write after the other side's Reset"));
    L2P_RETURN_IF_ERROR(ExpectBroken(resetting, deadline, "Read after Reset"));
  }
  return absl::OkStatus();
}

absl::Status ResetsAStreamThatIsDestroyed(Pair& pair) {
  L2P_ASSIGN_OR_RETURN(Pair::Pipe pipe, pair.OpenPipe());
  pipe.near.reset();
  return ExpectBroken(*pipe.far, pair.dialer->In(kPatience), "Read after its destruction");
}

absl::Status PollsWithAPastDeadline(Pair& pair) {
  L2P_ASSIGN_OR_RETURN(const Pair::Pipe pipe, pair.OpenPipe("abc"));
  L2P_RETURN_IF_ERROR(ReadExactly(*pipe.far, 3, pair.dialer->In(kPatience)).status());
  uint8_t byte;
  L2P_RETURN_IF_ERROR(ExpectCode(pipe.far->Read({&byte, 1}, absl::InfinitePast()).status(),
                                 absl::StatusCode::kDeadlineExceeded, "a poll without bytes"));
  const Time before = pair.dialer->host().Now();
  const Time deadline = before + absl::Milliseconds(300);
  L2P_RETURN_IF_ERROR(ExpectCode(pipe.far->Read({&byte, 1}, deadline).status(),
                                 absl::StatusCode::kDeadlineExceeded, "a Read without bytes"));
  const Time after = pair.dialer->host().Now();
  L2P_EXPECT(after >= deadline && after < deadline + absl::Seconds(5),
             "a Read of 300 ms came back after ", absl::FormatDuration(after - before));
  L2P_RETURN_IF_ERROR(WriteText(*pipe.near, "d", pair.dialer->In(kPatience)));
  L2P_RETURN_IF_ERROR(ReadExactly(*pipe.far, 1, pair.dialer->In(kPatience)).status());
  return absl::OkStatus();
}

absl::Status CarriesLargeAmountsBothWays(Pair& pair) {
  L2P_ASSIGN_OR_RETURN(const Pair::Pipe pipe, pair.OpenPipe(""));
  const std::string up = TestBytes(1, 5 << 20);
  const std::string down = TestBytes(2, (5 << 20) + 333);
  const Time deadline = pair.dialer->In(absl::Seconds(60));
  absl::Status sent[2];
  absl::StatusOr<std::string> got[2] = {std::string(), std::string()};
  {
    TaskGroup group(pair.dialer->host().tasks(), pair.dialer->host().NewEvent());
    L2P_RETURN_IF_ERROR(group.Start("up", [&] { sent[0] = WriteAll(*pipe.near, up, deadline); }));
    L2P_RETURN_IF_ERROR(
        group.Start("down", [&] { sent[1] = WriteAll(*pipe.far, down, deadline); }));
    L2P_RETURN_IF_ERROR(group.Start("in", [&] { got[0] = ReadToEnd(*pipe.far, deadline); }));
    L2P_RETURN_IF_ERROR(group.Start("back", [&] { got[1] = ReadToEnd(*pipe.near, deadline); }));
  }
  for (const int i : {0, 1}) {
    L2P_RETURN_IF_ERROR(sent[i]);
    L2P_RETURN_IF_ERROR(got[i].status());
  }
  L2P_EXPECT(*got[0] == up && *got[1] == down, "other bytes arrived than were sent");
  return absl::OkStatus();
}

// Writes until Write has to wait; returns how many bytes it took.
absl::StatusOr<size_t> FillUp(Stream& stream, Host& host) {
  const Bytes part = Bytes::Of(TestBytes(3, 65536));
  for (size_t written = 0; written < (size_t{64} << 20); written += part.size()) {
    const absl::Status status = stream.Write({&part, 1}, host.Now() + absl::Milliseconds(500));
    if (absl::IsDeadlineExceeded(status)) return written;
    L2P_RETURN_IF_ERROR(WithContext(status, "Write"));
  }
  return absl::InternalError("64 MiB were written although the other side reads nothing");
}

absl::Status StopsOnlyTheStreamThatNobodyReads(Pair& pair) {
  L2P_ASSIGN_OR_RETURN(const Pair::Pipe blocked, pair.OpenPipe(""));
  L2P_ASSIGN_OR_RETURN(const size_t taken, FillUp(*blocked.near, pair.dialer->host()));
  L2P_EXPECT(taken >= Stream::kWriteLimit, "Write waited after ", taken,
             " bytes, less than kWriteLimit");
  L2P_ASSIGN_OR_RETURN(const Pair::Pipe other, pair.OpenPipe("free"));
  const Time deadline = pair.dialer->In(kPatience);
  L2P_RETURN_IF_ERROR(
      WithContext(ReadExactly(*other.far, 4, deadline).status(), "another stream meanwhile"));
  L2P_RETURN_IF_ERROR(WriteText(*other.far, "back", deadline));
  L2P_RETURN_IF_ERROR(ReadExactly(*other.near, 4, deadline).status());
  // What Write took is there, whole and in order, and nothing of the call that timed out.
  blocked.near->CloseWrite();
  L2P_ASSIGN_OR_RETURN(const std::string all,
                       ReadToEnd(*blocked.far, pair.dialer->In(absl::Seconds(60))));
  L2P_EXPECT(all.size() == taken, "of ", taken, " bytes that Write took ", all.size(), " arrived");
  const std::string piece = TestBytes(3, 65536);
  for (size_t at = 0; at < all.size(); at += piece.size()) {
    L2P_EXPECT(all.compare(at, piece.size(), piece) == 0, "the bytes from ", at, " on are wrong");
  }
  return absl::OkStatus();
}

absl::Status TakesALargeWriteWhole(Pair& pair) {
  L2P_ASSIGN_OR_RETURN(const Pair::Pipe pipe, pair.OpenPipe(""));
  const Bytes block = Bytes::Of(TestBytes(4, 2 << 20));
  L2P_RETURN_IF_ERROR(WithContext(pipe.near->Write({&block, 1}, pair.dialer->In(kPatience)),
                                  "Write of 2 MiB while nothing is unsent"));
  pipe.near->CloseWrite();
  L2P_ASSIGN_OR_RETURN(const std::string all,
                       ReadToEnd(*pipe.far, pair.dialer->In(absl::Seconds(60))));
  L2P_EXPECT(all == block.text(), "other bytes arrived than were sent");
  return absl::OkStatus();
}

absl::Status SaysWhenItIsReadable(Pair& pair) {
  L2P_ASSIGN_OR_RETURN(const Pair::Pipe pipe, pair.OpenPipe("x"));
  Host& host = pair.listener->host();
  const Time deadline = pair.dialer->In(kPatience);
  std::atomic<int> replaced = 0;
  std::atomic<int> called = 0;
  pipe.far->WhenReadable([&] { ++called; });
  L2P_EXPECT(Eventually(host, [&] { return called == 1; }), "WhenReadable with bytes there");
  L2P_RETURN_IF_ERROR(ReadExactly(*pipe.far, 1, deadline).status());
  pipe.far->WhenReadable([&] { ++replaced; });
  pipe.far->WhenReadable([&] { ++called; });
  L2P_EXPECT(called == 1, "WhenReadable called back although nothing can be read");
  L2P_RETURN_IF_ERROR(WriteText(*pipe.near, "y", deadline));
  L2P_EXPECT(Eventually(host, [&] { return called == 2; }), "WhenReadable when bytes arrive");
  L2P_RETURN_IF_ERROR(WriteText(*pipe.near, "z", deadline));
  L2P_RETURN_IF_ERROR(ReadExactly(*pipe.far, 2, deadline).status());
  L2P_EXPECT(called == 2 && replaced == 0, "WhenReadable called back twice, or a replaced one");
  pipe.far->WhenReadable([&] { ++called; });
  pipe.near->CloseWrite();
  L2P_EXPECT(Eventually(host, [&] { return called == 3; }), "WhenReadable at the end");
  uint8_t byte;
  L2P_ASSIGN_OR_RETURN(const size_t end, pipe.far->Read({&byte, 1}, absl::InfinitePast()));
  L2P_EXPECT(end == 0, "Read at the end gave bytes");
  return absl::OkStatus();
}

absl::Status CallsNothingBackAfterReset(Pair& pair) {
  std::atomic<int> called = 0;
  L2P_ASSIGN_OR_RETURN(Pair::Pipe pipe, pair.OpenPipe("x"));
  L2P_RETURN_IF_ERROR(ReadExactly(*pipe.far, 1, pair.dialer->In(kPatience)).status());
  pipe.far->WhenReadable([&] { ++called; });
  pipe.far->Reset();
  const int before = called;
  pipe.near->Reset();
  L2P_ASSIGN_OR_RETURN(const Pair::Pipe other, pair.OpenPipe("later"));
  L2P_RETURN_IF_ERROR(ReadExactly(*other.far, 5, pair.dialer->In(kPatience)).status());
  L2P_EXPECT(called == before, "WhenReadable called back after Reset had returned");
  return absl::OkStatus();
}

absl::Status SaysWhenItIsWritable(Pair& pair) {
  L2P_ASSIGN_OR_RETURN(const Pair::Pipe pipe, pair.OpenPipe(""));
  Host& host = pair.dialer->host();
  std::atomic<int> called = 0;
  pipe.near->WhenWritable([&] { ++called; });
  L2P_EXPECT(Eventually(host, [&] { return called == 1; }), "WhenWritable of an idle stream");
  L2P_ASSIGN_OR_RETURN(const size_t taken, FillUp(*pipe.near, host));
  pipe.near->WhenWritable([&] { ++called; });
  L2P_EXPECT(called == 1, "WhenWritable called back although Write would wait");
  L2P_RETURN_IF_ERROR(ReadExactly(*pipe.far, taken, host.Now() + absl::Seconds(60)).status());
  L2P_EXPECT(Eventually(host, [&] { return called == 2; }),
             "WhenWritable when the other side has read");
  return WriteText(*pipe.near, "more", absl::InfinitePast());
}

absl::Status WakesAWaitingWriteOnReset(Pair& pair) {
  L2P_ASSIGN_OR_RETURN(const Pair::Pipe pipe, pair.OpenPipe(""));
  L2P_RETURN_IF_ERROR(FillUp(*pipe.near, pair.dialer->host()).status());
  absl::Status status;
  {
    TaskGroup group(pair.dialer->host().tasks(), pair.dialer->host().NewEvent());
    L2P_RETURN_IF_ERROR(group.Start("conformance", [&] {
      status = WriteText(*pipe.near, "x", pair.dialer->In(absl::Hours(1)));
    }));
    pipe.far->Reset();
  }
  return ExpectCode(status, absl::StatusCode::kUnavailable, "a Write that waits across a Reset");
}

absl::Status CapsOpenStreams(Pair& pair) {
  std::vector<std::unique_ptr<Stream>> streams;
  for (size_t i = 0; i < 100000; ++i) {
    absl::StatusOr<std::unique_ptr<Stream>> stream = pair.ours->Open(kTestProtocol);
    if (!stream.ok()) {
      return ExpectCode(stream.status(), absl::StatusCode::kResourceExhausted,
                        absl::StrCat("Open of stream ", i));
    }
    streams.push_back(std::move(*stream));
  }
  return absl::InternalError("100,000 streams could be opened on one connection");
}

}  // namespace

std::vector<ConformanceCase> TransportStreams(const Factory<Transport>& factory,
                                              const WorldFactory& world) {
  const auto one = [&](const char* name, StreamCheck check) {
    return ConformanceCase{name, [factory, world, check] {
                             const std::unique_ptr<World> place = world();
                             return place->Run([&]() -> absl::Status {
                               L2P_ASSIGN_OR_RETURN(Pair pair, Pair::Make(*place, factory));
                               return check(pair);
                             });
                           }};
  };
  return {
      one("SendsWhatWasWrittenRightAfterOpen", SendsWhatWasWrittenRightAfterOpen),
      one("OffersTheProtocolToReadFirst", OffersTheProtocolToReadFirst),
      one("ShowsARefusedProtocolOnRead", ShowsARefusedProtocolOnRead),
      one("EndsOneDirectionOnly", EndsOneDirectionOnly),
      one("ShowsAResetToTheOtherSide", ShowsAResetToTheOtherSide),
      one("ResetsAStreamThatIsDestroyed", ResetsAStreamThatIsDestroyed),
      one("PollsWithAPastDeadline", PollsWithAPastDeadline),
      one("CarriesLargeAmountsBothWays", CarriesLargeAmountsBothWays),
      one("StopsOnlyTheStreamThatNobodyReads", StopsOnlyTheStreamThatNobodyReads),
      one("TakesALargeWriteWhole", TakesALargeWriteWhole),
      one("SaysWhenItIsReadable", SaysWhenItIsReadable),
      one("CallsNothingBackAfterReset", CallsNothingBackAfterReset),
      one("SaysWhenItIsWritable", SaysWhenItIsWritable),
      one("WakesAWaitingWriteOnReset", WakesAWaitingWriteOnReset),
      one("CapsOpenStreams", CapsOpenStreams),
  };
}

std::vector<ConformanceCase> TransportConformance(Factory<Transport> factory, WorldFactory world) {
  std::vector<ConformanceCase> cases = TransportConnections(factory, world);
  for (ConformanceCase& other : TransportStreams(factory, world)) cases.push_back(std::move(other));
  return cases;
}

}  // namespace l2p::testkit
