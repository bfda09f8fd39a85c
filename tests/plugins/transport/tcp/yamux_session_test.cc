#include "yamux_session.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "l2p/transport.h"

namespace l2p::tcp {
namespace {

constexpr uint32_t kFirstWindow = kYamuxFirstWindow;

struct Frame {
  YamuxHeader header;
  std::string body;
};

Frame WindowUpdate(uint32_t id, uint16_t flags, uint32_t credit = 0) {
  return {{.type = YamuxType::kWindowUpdate, .flags = flags, .id = id, .length = credit}, ""};
}

Frame Data(uint32_t id, uint16_t flags, std::string body) {
  const auto size = static_cast<uint32_t>(body.size());
  return {{.type = YamuxType::kData, .flags = flags, .id = id, .length = size}, std::move(body)};
}

// A session under test; the test is the other side, and speaks in frames.
class YamuxSessionTest : public ::testing::Test {
 protected:
  explicit YamuxSessionTest(bool dialer = false) : session_(dialer, Limits()) {}

  static YamuxLimits Limits() { return {.max_streams = 300, .window_max = 1024 * 1024}; }

  absl::Status Feed(std::string_view bytes) {
    std::vector<uint8_t> scratch(1000);
    while (!bytes.empty()) {
      const MutableByteView target = session_.InputTarget(scratch);
      const size_t count = std::min(target.size(), bytes.size());
      std::memcpy(target.data(), bytes.data(), count);
      bytes.remove_prefix(count);
      L2P_RETURN_IF_ERROR(session_.Received(count, now_));
    }
    session_.EndInput();
    return absl::OkStatus();
  }

  absl::Status Feed(const Frame& frame) {
    const auto header = frame.header.Encode();
    return Feed(std::string(AsText(header)) + frame.body);
  }

  std::vector<Frame> Output() {
    std::vector<uint8_t> out(128 * 1024);
    std::string all;
    while (const size_t count = session_.FillOutput(out)) all += AsText(ByteView(out).first(count));
    std::vector<Frame> frames;
    while (!all.empty()) {
      Frame frame{YamuxHeader::Decode(AsBytes(all).first(kYamuxHeaderBytes)), ""};
      all.erase(0, kYamuxHeaderBytes);
      if (frame.header.type == YamuxType::kData) {
        frame.body = all.substr(0, frame.header.length);
        all.erase(0, frame.header.length);
      }
      frames.push_back(std::move(frame));
    }
    return frames;
  }

  // A stream that the other side opened and whose protocol is agreed on; the answer is swallowed.
  YamuxChannel& Accepted(uint32_t id) {
    EXPECT_TRUE(Feed(WindowUpdate(id, kSyn)).ok());
    YamuxChannel& channel = *session_.Find(id);
    channel.negotiating = channel.released = false;
    Output();
    return channel;
  }

  // A stream that we opened, agreed on and acknowledged; the frames are swallowed.
  YamuxChannel& Opened() {
    YamuxChannel& channel = **session_.Open(now_);
    session_.Want(channel);
    channel.negotiating = false;
    Output();
    EXPECT_TRUE(Feed(WindowUpdate(channel.id, kAck)).ok());
    return channel;
  }

  std::string Take(YamuxChannel& channel, size_t size) {
    std::string out(size, '\0');
    out.resize(
        channel.received.Take({reinterpret_cast<uint8_t*>(out.data()), static_cast<size_t>(size)}));
    session_.Consumed(channel, out.size(), now_);
    return out;
  }

  Time now_ = absl::UnixEpoch();
  YamuxSession session_;
};

class YamuxDialerTest : public YamuxSessionTest {
 protected:
  YamuxDialerTest() : YamuxSessionTest(true) {}
};

TEST_F(YamuxDialerTest, OpensOddIdsFromOneWithAWindowUpdate) {
  for (const uint32_t id : {1u, 3u}) {
    YamuxChannel& channel = **session_.Open(now_);
    session_.Write(channel, Bytes::Copy("x"));
    EXPECT_TRUE(Output().empty()) << "nothing before it is wanted";
    session_.Want(channel);
    const auto frames = Output();
    ASSERT_EQ(frames.size(), 2u);
    EXPECT_EQ(frames[0].header.type, YamuxType::kWindowUpdate);
    EXPECT_EQ(frames[0].header.flags, kSyn);
    EXPECT_EQ(frames[0].header.id, id);
    EXPECT_EQ(frames[0].header.length, 0u);
    EXPECT_EQ(frames[1].body, "x");
    EXPECT_EQ(frames[1].header.flags, 0);
  }
}

TEST_F(YamuxSessionTest, TheListenersIdsAreEvenFromTwo) {
  EXPECT_EQ((*session_.Open(now_))->id, 2u);
  EXPECT_EQ((*session_.Open(now_))->id, 4u);
}

TEST_F(YamuxSessionTest, ANewStreamIsAcknowledgedOnTheFirstFrameBack) {
  ASSERT_TRUE(Feed(WindowUpdate(1, kSyn)).ok());
  session_.Write(*session_.Find(1), Bytes::Copy("answer"));
  const auto frames = Output();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].header.type, YamuxType::kData);
  EXPECT_EQ(frames[0].header.flags, kAck);
}

TEST_F(YamuxSessionTest, ANewStreamIsAcknowledgedEvenIfWeHaveNothingToSay) {
  ASSERT_TRUE(Feed(WindowUpdate(1, kSyn)).ok());
  const auto frames = Output();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].header.type, YamuxType::kWindowUpdate);
  EXPECT_EQ(frames[0].header.flags, kAck);
}

TEST_F(YamuxSessionTest, AStreamMayOpenWithDataThatHasABody) {
  ASSERT_TRUE(Feed(Data(1, kSyn, "hello")).ok());
  EXPECT_EQ(Take(*session_.Find(1), 10), "hello");
  EXPECT_EQ(session_.TakeNegotiating(), std::vector<uint32_t>{1});
}

TEST_F(YamuxSessionTest, CreditOnTheSynIsAddedToTheFirstWindow) {
  ASSERT_TRUE(Feed(WindowUpdate(1, kSyn, 1000)).ok());
  EXPECT_EQ(session_.Find(1)->send_credit, kFirstWindow + 1000);
}

TEST_F(YamuxSessionTest, FramesMayComeInPiecesOfAnySize) {
  const auto header = Data(1, kSyn, "hello").header.Encode();
  const std::string bytes = std::string(AsText(header)) + "hello";
  for (const char byte : bytes) ASSERT_TRUE(Feed(std::string_view(&byte, 1)).ok());
  EXPECT_EQ(Take(*session_.Find(1), 10), "hello");
}

TEST_F(YamuxSessionTest, MoreIsNeverSentThanTheCreditAllows) {
  YamuxChannel& channel = Accepted(1);
  session_.Write(channel, Bytes::Copy(std::string(kFirstWindow + 5, 'x')));
  size_t sent = 0;
  for (const Frame& frame : Output()) sent += frame.body.size();
  EXPECT_EQ(sent, kFirstWindow);
  EXPECT_TRUE(Output().empty());
  ASSERT_TRUE(Feed(WindowUpdate(1, 0, 3)).ok());
  const auto more = Output();
  ASSERT_EQ(more.size(), 1u);
  EXPECT_EQ(more[0].body.size(), 3u);
}

TEST_F(YamuxSessionTest, DataFramesAreAtMost64KiB) {
  YamuxChannel& channel = Accepted(1);
  session_.Write(channel, Bytes::Copy(std::string(kFirstWindow, 'x')));
  for (const Frame& frame : Output()) EXPECT_LE(frame.body.size(), 64u * 1024);
}

TEST_F(YamuxSessionTest, ASmallMessageWaitsForOneTurnOfBulkOnly) {
  YamuxChannel& bulk = Accepted(1);
  YamuxChannel& small = Accepted(3);
  session_.Write(bulk, Bytes::Copy(std::string(kFirstWindow, 'x')));
  session_.Write(small, Bytes::Copy("ping"));
  const auto frames = Output();
  ASSERT_GE(frames.size(), 2u);
  EXPECT_EQ(frames[1].header.id, 3u);
}

TEST_F(YamuxSessionTest, MoreThanTheCreditEndsTheSession) {
  Accepted(1);
  ASSERT_TRUE(Feed(Data(1, 0, std::string(kFirstWindow, 'x'))).ok());
  EXPECT_EQ(Feed(Data(1, 0, "x")).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(YamuxSessionTest, CreditIsGivenWhenHalfTheWindowIsRead) {
  YamuxChannel& channel = Accepted(1);
  ASSERT_TRUE(Feed(Data(1, 0, std::string(kFirstWindow, 'x'))).ok());
  now_ += absl::Seconds(1);  // Too slow for a larger window.
  Take(channel, kFirstWindow / 2 - 1);
  EXPECT_TRUE(Output().empty());
  Take(channel, 1);
  const auto frames = Output();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].header.type, YamuxType::kWindowUpdate);
  EXPECT_EQ(frames[0].header.length, kFirstWindow / 2);
}

TEST_F(YamuxSessionTest, TheWindowOfAFastReaderDoublesUpToTheLimit) {
  YamuxChannel& channel = Accepted(1);
  uint64_t credit = kFirstWindow;
  for (int i = 0; i < 40; ++i) {
    const size_t size = std::min<uint64_t>(credit, 128 * 1024);
    ASSERT_TRUE(Feed(Data(1, 0, std::string(size, 'x'))).ok());
    credit -= size;
    Take(channel, size);
    for (const Frame& frame : Output()) credit += frame.header.length;
  }
  EXPECT_EQ(channel.window, Limits().window_max);
  EXPECT_LE(credit, Limits().window_max);
}

TEST_F(YamuxSessionTest, BytesGoStraightIntoTheMemoryOfAReaderThatWaits) {
  YamuxChannel& channel = Accepted(1);
  std::vector<uint8_t> memory(8);
  channel.destination = memory;
  ASSERT_TRUE(Feed(Data(1, 0, "0123456789")).ok());
  EXPECT_EQ(channel.delivered, 8u);
  EXPECT_EQ(AsText(memory), "01234567");
  channel.destination = {};
  EXPECT_EQ(Take(channel, 10), "89");
}

TEST_F(YamuxSessionTest, AReaderThatComesLateDoesNotOvertakeTheQueue) {
  YamuxChannel& channel = Accepted(1);
  std::vector<uint8_t> memory(8);
  ASSERT_TRUE(Feed(Data(1, 0, "01")).ok());
  channel.destination = memory;
  ASSERT_TRUE(Feed(Data(1, 0, "23")).ok());
  EXPECT_EQ(channel.delivered, 0u);
  EXPECT_EQ(Take(channel, 10), "0123");
}

TEST_F(YamuxSessionTest, FinFollowsTheDataInAFrameOfItsOwn) {
  YamuxChannel& channel = Accepted(1);
  session_.Write(channel, Bytes::Copy("end"));
  session_.CloseWrite(channel);
  const auto frames = Output();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].header.flags, 0);
  EXPECT_EQ(frames[0].body, "end");
  EXPECT_EQ(frames[1].header.flags, kFin);
  EXPECT_EQ(frames[1].header.length, 0u);
}

TEST_F(YamuxSessionTest, FinWaitsForCreditForTheDataBeforeIt) {
  YamuxChannel& channel = Accepted(1);
  session_.Write(channel, Bytes::Copy(std::string(kFirstWindow + 1, 'x')));
  session_.CloseWrite(channel);
  for (const Frame& frame : Output()) EXPECT_EQ(frame.header.flags & kFin, 0);
  ASSERT_TRUE(Feed(WindowUpdate(1, 0, 10)).ok());
  const auto frames = Output();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].body.size(), 1u);
  EXPECT_EQ(frames[1].header.flags, kFin);
}

TEST_F(YamuxSessionTest, FinMayRideOnDataOrOnAWindowUpdate) {
  YamuxChannel& first = Accepted(1);
  ASSERT_TRUE(Feed(Data(1, kFin, "last")).ok());
  EXPECT_TRUE(first.remote_closed);
  EXPECT_EQ(Take(first, 10), "last");
  YamuxChannel& second = Accepted(3);
  ASSERT_TRUE(Feed(WindowUpdate(3, kFin)).ok());
  EXPECT_TRUE(second.remote_closed);
}

TEST_F(YamuxSessionTest, AWindowUpdateAfterBothFinsIsNoError) {
  YamuxChannel& channel = Accepted(1);
  session_.CloseWrite(channel);
  Output();
  ASSERT_TRUE(Feed(WindowUpdate(1, kFin)).ok());
  EXPECT_TRUE(Feed(WindowUpdate(1, 0, 1000)).ok());
  session_.Release(channel);
  EXPECT_EQ(session_.streams(), 0u);
  EXPECT_TRUE(Feed(WindowUpdate(1, 0, 1000)).ok());
}

TEST_F(YamuxSessionTest, ResetByTheOtherSideEndsBothDirectionsAndDropsWhatIsQueued) {
  for (const Frame& frame : {WindowUpdate(1, kRst), Data(3, kRst, "ignored")}) {
    YamuxChannel& channel = Accepted(frame.header.id);
    session_.Write(channel, Bytes::Copy("x"));
    ASSERT_TRUE(Feed(frame).ok());
    EXPECT_TRUE(channel.reset);
    EXPECT_TRUE(channel.queue.empty());
    EXPECT_TRUE(Output().empty());
    session_.Release(channel);
  }
  EXPECT_EQ(session_.streams(), 0u);
}

TEST_F(YamuxSessionTest, AReleasedStreamThatHasNotEndedIsReset) {
  session_.Release(Accepted(1));
  const auto frames = Output();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].header.flags, kRst);
  EXPECT_EQ(session_.streams(), 0u);
}

TEST_F(YamuxSessionTest, AReleasedStreamThatWasClosedStillSendsItsData) {
  YamuxChannel& channel = Accepted(1);
  session_.Write(channel, Bytes::Copy(std::string(kFirstWindow + 1, 'x')));
  session_.CloseWrite(channel);
  ASSERT_TRUE(Feed(WindowUpdate(1, kFin)).ok());
  session_.Release(channel);
  Output();
  EXPECT_EQ(session_.streams(), 1u);
  ASSERT_TRUE(Feed(WindowUpdate(1, 0, 10)).ok());
  EXPECT_EQ(Output().size(), 2u);
  EXPECT_EQ(session_.streams(), 0u);
}

TEST_F(YamuxSessionTest, FramesForUnknownStreamsAreIgnoredWithTheirBodies) {
  EXPECT_TRUE(Feed(Data(99, 0, std::string(5000, 'x'))).ok());
  EXPECT_TRUE(Feed(WindowUpdate(98, kRst)).ok());
  EXPECT_TRUE(Feed(WindowUpdate(97, kFin)).ok());
  EXPECT_EQ(session_.streams(), 0u);
  Accepted(1);  // And the next frame is understood.
}

TEST_F(YamuxSessionTest, APingIsAnsweredWithItsValue) {
  ASSERT_TRUE(Feed(Frame{{.type = YamuxType::kPing, .flags = kSyn, .length = 77}, ""}).ok());
  const auto frames = Output();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].header.type, YamuxType::kPing);
  EXPECT_EQ(frames[0].header.flags, kAck);
  EXPECT_EQ(frames[0].header.length, 77u);
}

TEST_F(YamuxSessionTest, OnlyTheRightAnswerToOurPingCounts) {
  session_.Ping(now_);
  const auto frames = Output();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].header.flags, kSyn);
  Frame answer = frames[0];
  answer.header.flags = kAck;
  answer.header.length += 1;
  ASSERT_TRUE(Feed(answer).ok());
  EXPECT_FALSE(session_.answered());
  answer.header.length -= 1;
  ASSERT_TRUE(Feed(answer).ok());
  EXPECT_TRUE(session_.answered());
}

TEST_F(YamuxSessionTest, PingsWhoseAnswersNobodyReadsEndTheSession) {
  absl::Status status;
  int pings = 0;
  for (; status.ok() && pings < 100'000; ++pings) {
    status = Feed(Frame{{.type = YamuxType::kPing, .flags = kSyn, .length = 1}, ""});
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(YamuxSessionTest, AfterGoAwayNothingIsOpenedButStreamsGoOn) {
  YamuxChannel& channel = Accepted(1);
  ASSERT_TRUE(Feed(Frame{{.type = YamuxType::kGoAway}, ""}).ok());
  EXPECT_EQ(session_.Open(now_).status().code(), absl::StatusCode::kUnavailable);
  ASSERT_TRUE(Feed(Data(1, 0, "still")).ok());
  EXPECT_EQ(Take(channel, 10), "still");
}

TEST_F(YamuxSessionTest, StreamsOverTheLimitAreReset) {
  for (uint32_t i = 0; i < Limits().max_streams; ++i) Accepted(2 * i + 1);
  const uint32_t over = 2 * static_cast<uint32_t>(Limits().max_streams) + 1;
  ASSERT_TRUE(Feed(Data(over, kSyn, "body")).ok());
  const auto frames = Output();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].header.id, over);
  EXPECT_EQ(frames[0].header.flags, kRst);
  EXPECT_EQ(session_.streams(), Limits().max_streams);
}

TEST_F(YamuxSessionTest, OurOwnStreamsHaveALimitToo) {
  for (size_t i = 0; i < Limits().max_streams; ++i) ASSERT_TRUE(session_.Open(now_).ok());
  EXPECT_EQ(session_.Open(now_).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(YamuxDialerTest, The257thUnacknowledgedStreamWaitsForAnAck) {
  for (int i = 0; i < 257; ++i) session_.Want(**session_.Open(now_));
  EXPECT_EQ(Output().size(), 256u);
  ASSERT_TRUE(Feed(WindowUpdate(1, kAck)).ok());
  const auto frames = Output();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].header.id, 513u);
}

TEST_F(YamuxDialerTest, AResetMakesRoomForAStreamThatWaits) {
  for (int i = 0; i < 257; ++i) session_.Want(**session_.Open(now_));
  Output();
  session_.Release(*session_.Find(1));
  const auto frames = Output();
  ASSERT_EQ(frames.size(), 2u);
  EXPECT_EQ(frames[0].header.flags, kRst);
  EXPECT_EQ(frames[1].header.id, 513u);
}

TEST_F(YamuxSessionTest, AnUnknownVersionEndsTheSession) {
  EXPECT_FALSE(Feed(Frame{{.id = 1, .version = 1}, ""}).ok());
}

TEST_F(YamuxSessionTest, AnUnknownTypeEndsTheSession) {
  EXPECT_FALSE(Feed(Frame{{.type = static_cast<YamuxType>(4)}, ""}).ok());
}

TEST_F(YamuxSessionTest, AnIdOfOurOwnSideEndsTheSession) {
  EXPECT_FALSE(Feed(WindowUpdate(2, kSyn)).ok());
}

TEST_F(YamuxSessionTest, OpeningAStreamTwiceEndsTheSession) {
  Accepted(1);
  EXPECT_FALSE(Feed(WindowUpdate(1, kSyn)).ok());
}

TEST_F(YamuxSessionTest, StreamZeroEndsTheSession) {
  EXPECT_FALSE(Feed(WindowUpdate(0, kSyn)).ok());
}

TEST_F(YamuxSessionTest, MoreCreditThanFitsEndsTheSession) {
  Accepted(1);
  EXPECT_FALSE(Feed(WindowUpdate(1, 0, UINT32_MAX)).ok());
}

TEST_F(YamuxSessionTest, AFailedSessionEndsEveryStreamAndSaysGoodbye) {
  YamuxChannel& channel = Accepted(1);
  session_.GoAway(1);
  session_.Fail();
  EXPECT_TRUE(channel.reset);
  const auto frames = Output();
  ASSERT_EQ(frames.size(), 1u);
  EXPECT_EQ(frames[0].header.type, YamuxType::kGoAway);
  EXPECT_EQ(frames[0].header.length, 1u);
}

TEST_F(YamuxSessionTest, AStreamThatNeverAgreesOnAProtocolIsReset) {
  ASSERT_TRUE(Feed(WindowUpdate(1, kSyn)).ok());
  Output();
  session_.ResetNegotiatingSince(now_);
  EXPECT_EQ(session_.streams(), 1u);
  session_.ResetNegotiatingSince(now_ + absl::Seconds(1));
  EXPECT_EQ(session_.streams(), 0u);
  EXPECT_EQ(Output().front().header.flags, kRst);
}

TEST_F(YamuxSessionTest, OpeningAndResettingForEverKeepsNothing) {
  for (uint32_t id = 1; id < 20'000; id += 2) {
    ASSERT_TRUE(Feed(WindowUpdate(id, kSyn)).ok());
    ASSERT_TRUE(Feed(WindowUpdate(id, kRst)).ok());
  }
  EXPECT_EQ(session_.streams(), 0u);
  EXPECT_FALSE(session_.has_output());
}

TEST_F(YamuxSessionTest, CallbacksComeOnceAndOnlyWhenThereIsAReason) {
  YamuxChannel& channel = Accepted(1);
  channel.when_readable = [] {};
  ASSERT_TRUE(Feed(WindowUpdate(1, 0, 5)).ok());
  EXPECT_TRUE(session_.TakeCallbacks().empty());
  ASSERT_TRUE(Feed(Data(1, 0, "x")).ok());
  EXPECT_EQ(session_.TakeCallbacks().size(), 1u);
  ASSERT_TRUE(Feed(Data(1, 0, "y")).ok());
  EXPECT_TRUE(session_.TakeCallbacks().empty());
}

}  // namespace
}  // namespace l2p::tcp
