#include "multistream.h"

#include <gtest/gtest.h>

#include <vector>

namespace l2p::tcp {
namespace {

constexpr char kHeader[] = "\x13/multistream/1.0.0\n";

absl::StatusCode ParseCode(std::string_view bytes) {
  MultistreamParser parser;
  ByteView in = AsBytes(bytes);
  return parser.Take(in).status().code();
}

// The proposals a responder finds in `bytes`, all refused.
std::vector<std::string> Proposals(MultistreamResponder& responder, std::string_view bytes) {
  std::vector<std::string> found;
  ByteView in = AsBytes(bytes);
  while (true) {
    const auto proposal = responder.Consume(in);
    EXPECT_TRUE(proposal.ok()) << proposal.status();
    if (!proposal.ok() || !proposal->has_value()) return found;
    found.push_back(**proposal);
    responder.Answer(found.back(), false);
  }
}

TEST(Multistream, TheHeaderIsTheSpecifiedBytes) {
  EXPECT_EQ(MultistreamMessage("/multistream/1.0.0"), kHeader);
  EXPECT_EQ(MultistreamMessage("na"), "\x03na\n");
}

TEST(Multistream, AMessageMayComeByteByByte) {
  MultistreamParser parser;
  const std::string message = MultistreamMessage("/a");
  for (size_t i = 0; i + 1 < message.size(); ++i) {
    ByteView in = AsBytes(message).subspan(i, 1);
    EXPECT_FALSE(parser.Take(in)->has_value());
  }
  ByteView last = AsBytes(message).last(1);
  EXPECT_EQ(**parser.Take(last), "/a");
}

TEST(Multistream, WhatFollowsAMessageIsLeft) {
  MultistreamParser parser;
  const std::string bytes = MultistreamMessage("/a") + "rest";
  ByteView in = AsBytes(bytes);
  EXPECT_EQ(**parser.Take(in), "/a");
  EXPECT_EQ(AsText(in), "rest");
}

TEST(Multistream, AMessageOf1024BytesIsTakenAndOneMoreIsRefused) {
  EXPECT_EQ(ParseCode(MultistreamMessage(std::string(1023, 'x'))), absl::StatusCode::kOk);
  EXPECT_EQ(ParseCode(MultistreamMessage(std::string(1024, 'x'))),
            absl::StatusCode::kInvalidArgument);
}

TEST(Multistream, AMessageWithoutItsNewlineIsRefused) {
  EXPECT_EQ(ParseCode("\x02/a"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ParseCode(std::string(1, '\0')), absl::StatusCode::kInvalidArgument);
}

TEST(Multistream, AGarbledLengthIsRefused) {
  EXPECT_EQ(ParseCode(std::string(12, '\xff')), absl::StatusCode::kInvalidArgument);
}

TEST(Multistream, TheInitiatorSaysHeaderAndProposalAtOnce) {
  EXPECT_EQ(MultistreamInitiator("/a").Opening(), std::string(kHeader) + "\x03/a\n");
}

TEST(Multistream, TheInitiatorHandsOnWhatFollowsTheAgreement) {
  MultistreamInitiator initiator("/a");
  const std::string bytes = std::string(kHeader) + "\x03/a\ndata";
  ByteView in = AsBytes(bytes);
  EXPECT_TRUE(*initiator.Consume(in));
  EXPECT_EQ(AsText(in), "data");
}

TEST(Multistream, TheInitiatorLearnsOfARefusal) {
  MultistreamInitiator initiator("/a");
  const std::string bytes = std::string(kHeader) + "\x03na\n";
  ByteView in = AsBytes(bytes);
  const absl::Status status = initiator.Consume(in).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(status.message(), "protocol /a: refused by the peer");
}

TEST(Multistream, TheInitiatorRefusesAnotherProtocolThanItProposed) {
  MultistreamInitiator initiator("/a");
  const std::string bytes = std::string(kHeader) + "\x03/b\n";
  ByteView in = AsBytes(bytes);
  EXPECT_EQ(initiator.Consume(in).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Multistream, AnotherHeaderIsRefusedByBothSides) {
  const std::string bytes = MultistreamMessage("/multistream/2.0.0");
  ByteView in = AsBytes(bytes);
  EXPECT_EQ(MultistreamInitiator("/a").Consume(in).status().code(),
            absl::StatusCode::kInvalidArgument);
  in = AsBytes(bytes);
  EXPECT_EQ(MultistreamResponder().Consume(in).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(Multistream, TheResponderAnswersHeaderAndEchoInOneWrite) {
  MultistreamResponder responder;
  const std::string bytes = MultistreamInitiator("/a").Opening();
  ByteView in = AsBytes(bytes);
  EXPECT_EQ(**responder.Consume(in), "/a");
  EXPECT_EQ(responder.Answer("/a", true), std::string(kHeader) + "\x03/a\n");
}

TEST(Multistream, TheResponderHearsFurtherProposalsAfterARefusal) {
  MultistreamResponder responder;
  const std::string bytes = std::string(kHeader) + "\x03/a\n\x03/b\n\x03ls\n";
  EXPECT_EQ(Proposals(responder, bytes), (std::vector<std::string>{"/a", "/b", "ls"}));
  EXPECT_EQ(responder.Answer("/c", false), "\x03na\n");
}

TEST(Multistream, TheResponderEndsEndlessProposals) {
  MultistreamResponder responder;
  std::string bytes = kHeader;
  for (int i = 0; i < 65; ++i) bytes += "\x03/a\n";
  ByteView in = AsBytes(bytes);
  absl::Status status;
  int heard = 0;
  for (; status.ok() && heard < 100; ++heard) status = responder.Consume(in).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(heard, 65);
}

}  // namespace
}  // namespace l2p::tcp
