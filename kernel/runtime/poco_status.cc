#include "kernel/runtime/poco_status.h"

#include <Poco/Exception.h>

#include <new>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

template <typename... Types>
bool IsOneOf(const std::exception& error) {
  return (... || (dynamic_cast<const Types*>(&error) != nullptr));
}

absl::StatusCode CodeOf(const std::exception& error) {
  if (IsOneOf<Poco::TimeoutException>(error)) return absl::StatusCode::kDeadlineExceeded;
  if (IsOneOf<Poco::FileNotFoundException, Poco::PathNotFoundException, Poco::NotFoundException>(
          error)) {
    return absl::StatusCode::kNotFound;
  }
  if (IsOneOf<Poco::OutOfMemoryException, std::bad_alloc>(error)) {
    return absl::StatusCode::kResourceExhausted;
  }
  if (IsOneOf<Poco::DataException, Poco::InvalidArgumentException, Poco::RangeException>(error)) {
    return absl::StatusCode::kInvalidArgument;  // Syntax, data format, bad numbers.
  }
  if (IsOneOf<Poco::FileAccessDeniedException, Poco::FileExistsException,
              Poco::FileReadOnlyException>(error)) {
    return absl::StatusCode::kFailedPrecondition;
  }
  if (IsOneOf<Poco::IOException>(error)) return absl::StatusCode::kUnavailable;  // And the network.
  return absl::StatusCode::kInternal;
}

}  // namespace

absl::Status PocoStatus(const std::exception& error, std::string_view what) {
  const auto* poco = dynamic_cast<const Poco::Exception*>(&error);
  const std::string text = poco != nullptr ? poco->displayText() : error.what();
  return absl::Status(CodeOf(error), absl::StrCat(av(what), ": ", text));
}

}  // namespace l2p
