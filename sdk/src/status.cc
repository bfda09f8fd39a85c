#include "l2p/status.h"

#include <cctype>
#include <cerrno>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::StatusCode::kResourceExhausted;
    case EINVAL:
    case ENAMETOOLONG:
    case ENOTDIR:
    case EISDIR:
    case ELOOP:
      return absl::StatusCode::kInvalidArgument;
    case EACCES:
    case EADDRINUSE:
    case EADDRNOTAVAIL:
    case EBUSY:
    case EEXIST:
    case ENOTEMPTY:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kFailedPrecondition;
    case ETIMEDOUT:
      return absl::StatusCode::kDeadlineExceeded;
    case ECANCELED:
      return absl::StatusCode::kAborted;
    default:
      return absl::StatusCode::kUnavailable;
  }
}

std::string TextOf(int error) {
  std::string text = std::generic_category().message(error);
  if (!text.empty()) text[0] = static_cast<char>(std::tolower(static_cast<uint8_t>(text[0])));
  return text;
}

}  // namespace

absl::Status ErrnoStatus(int error, std::string_view what) {
  return absl::Status(CodeOf(error), absl::StrCat(av(what), ": ", TextOf(error)));
}

absl::Status WithContext(const absl::Status& status, std::string_view context) {
  if (status.ok()) return status;
  absl::Status longer(status.code(), absl::StrCat(av(context), ": ", status.message()));
  status.ForEachPayload([&longer](absl::string_view type, const absl::Cord& payload) {
    longer.SetPayload(type, payload);
  });
  return longer;
}

}  // namespace l2p
