// Errors. Every fallible call returns absl::Status or absl::StatusOr; no exception crosses an
// interface. The codes mean the same everywhere:
//
//   NotFound                        not here; ask elsewhere
//   DataLoss                        bytes do not match their id; drop them, blame the source
//   Unavailable, DeadlineExceeded   a peer or a disk did not answer; try another, later
//   ResourceExhausted               full, or over a cap; stop, tell the operator
//   InvalidArgument                 the request, setting or message is wrong; show it to the user
//   FailedPrecondition              a right request in the wrong state; change the state first
//   Aborted                         the operation was stopped from this side (Stop, cancel)
//
// A message names the object and the cause, in lower case, without a full stop:
// "open /data/blocks: permission denied".
#ifndef L2P_STATUS_H_
#define L2P_STATUS_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "l2p/api.h"

namespace l2p {

// Debian's absl::string_view is a type of its own; this carries a std one across.
inline absl::string_view av(std::string_view text) { return {text.data(), text.size()}; }

// The Status for errno value `error`, "<what>: <text of error>". `what` names the call's object.
L2P_SDK_API absl::Status ErrnoStatus(int error, std::string_view what);

// `status` with "<context>: " put before its message; OK stays OK.
L2P_SDK_API absl::Status WithContext(const absl::Status& status, std::string_view context);

}  // namespace l2p

#define L2P_CONCAT_INNER_(a, b) a##b
#define L2P_CONCAT_(a, b) L2P_CONCAT_INNER_(a, b)

// Returns the status of `expression` from this function when it is not OK.
#define L2P_RETURN_IF_ERROR(expression)                                                 \
  do {                                                                                  \
    if (absl::Status l2p_status_ = (expression); !l2p_status_.ok()) return l2p_status_; \
  } while (false)

// `L2P_ASSIGN_OR_RETURN(auto file, folder.Open(...))`: assigns the value or returns the status.
#define L2P_ASSIGN_OR_RETURN(target, expression) \
  L2P_ASSIGN_OR_RETURN_(L2P_CONCAT_(l2p_or_, __LINE__), target, expression)
#define L2P_ASSIGN_OR_RETURN_(value, target, expression) \
  auto value = (expression);                             \
  if (!value.ok()) return value.status();                \
  target = std::move(*value)

#endif  // L2P_STATUS_H_
