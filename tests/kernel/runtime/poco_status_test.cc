#include "kernel/runtime/poco_status.h"

#include <Poco/Exception.h>

#include "gtest/gtest.h"

namespace l2p {
namespace {

TEST(PocoStatus, NamesTheObjectAndTheCause) {
  const absl::Status status =
      TryPoco("read settings", [] { throw Poco::SyntaxException("line 3"); });
  EXPECT_EQ(status.message(), "read settings: Syntax error: line 3");
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_TRUE(TryPoco("nothing", [] {}).ok());
}

TEST(PocoStatus, GivesEachFamilyOfExceptionsItsCode) {
  const auto code = [](auto error) { return PocoStatus(error, "x").code(); };
  EXPECT_EQ(code(Poco::TimeoutException()), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(code(Poco::FileNotFoundException()), absl::StatusCode::kNotFound);
  EXPECT_EQ(code(Poco::FileAccessDeniedException()), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(code(Poco::IOException()), absl::StatusCode::kUnavailable);
  EXPECT_EQ(code(std::bad_alloc()), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(code(std::runtime_error("odd")), absl::StatusCode::kInternal);
}

}  // namespace
}  // namespace l2p
