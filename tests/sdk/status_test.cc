#include "l2p/status.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace l2p {
namespace {

TEST(ErrnoStatus, NamesTheObjectAndTheCauseInLowerCase) {
  absl::Status status = ErrnoStatus(ENOENT, "open /data/blocks");
  EXPECT_EQ(status, absl::NotFoundError("open /data/blocks: no such file or directory"));
}

TEST(ErrnoStatus, MapsErrorsToWhatTheCallerDoes) {
  EXPECT_TRUE(absl::IsResourceExhausted(ErrnoStatus(ENOSPC, "write")));
  EXPECT_TRUE(absl::IsFailedPrecondition(ErrnoStatus(EACCES, "open")));
  EXPECT_TRUE(absl::IsInvalidArgument(ErrnoStatus(ENAMETOOLONG, "open")));
  EXPECT_TRUE(absl::IsDeadlineExceeded(ErrnoStatus(ETIMEDOUT, "connect")));
  EXPECT_TRUE(absl::IsUnavailable(ErrnoStatus(ECONNREFUSED, "connect")));
  EXPECT_TRUE(absl::IsUnavailable(ErrnoStatus(EIO, "read")));
}

TEST(WithContext, PutsTheContextInFrontAndKeepsCodeAndPayload) {
  absl::Status status = absl::DataLossError("bad crc");
  status.SetPayload("l2p.test/offset", absl::Cord("17"));
  absl::Status longer = WithContext(status, "segment 3");
  EXPECT_EQ(longer.message(), "segment 3: bad crc");
  EXPECT_TRUE(absl::IsDataLoss(longer));
  EXPECT_EQ(longer.GetPayload("l2p.test/offset"), absl::Cord("17"));
}

TEST(WithContext, LeavesOkAlone) { EXPECT_TRUE(WithContext(absl::OkStatus(), "x").ok()); }

absl::StatusOr<int> Half(int number) {
  if (number % 2 != 0) return absl::InvalidArgumentError("odd");
  return number / 2;
}

absl::StatusOr<int> Quarter(int number) {
  L2P_ASSIGN_OR_RETURN(int half, Half(number));
  L2P_ASSIGN_OR_RETURN(half, Half(half));
  return half;
}

TEST(AssignOrReturn, PassesValuesOnAndErrorsBack) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(6).status(), absl::InvalidArgumentError("odd"));
}

}  // namespace
}  // namespace l2p
