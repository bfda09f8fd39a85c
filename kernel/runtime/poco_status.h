#ifndef L2P_KERNEL_RUNTIME_POCO_STATUS_H_
#define L2P_KERNEL_RUNTIME_POCO_STATUS_H_

#include <exception>
#include <string_view>

#include "l2p/status.h"

namespace l2p {

// The Status for an exception that Poco (or the library below it) threw, "<what>: <its text>".
// Every call into Poco that can fail goes through TryPoco, or catches std::exception and asks this.
absl::Status PocoStatus(const std::exception& error, std::string_view what);

// Runs `call`; what it throws becomes a Status.
template <typename Call>
absl::Status TryPoco(std::string_view what, Call call) {
  try {
    call();
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return PocoStatus(error, what);
  }
}

}  // namespace l2p

#endif  // L2P_KERNEL_RUNTIME_POCO_STATUS_H_
