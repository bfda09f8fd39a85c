#ifndef L2P_LISTENERS_H_
#define L2P_LISTENERS_H_

#include <string>
#include <string_view>

#include "l2p/api.h"
#include "l2p/status.h"

namespace l2p {

// Listening sockets belong to the kernel and are lent to transport instances, so that a swapped-in
// instance takes over the same port without a gap. An optional ability of the Host. [any thread]
class L2P_SDK_API Listeners {
 public:
  static constexpr char kAbility[] = "l2p.listeners.1";
  virtual ~Listeners();

  // A non-blocking, close-on-exec TCP socket that listens on the numeric `host` and `port` (0: any
  // free one). The same host and port give the same socket while it is lent. The fd stays the
  // kernel's: dup it, close only the dup. FailedPrecondition when another process has the port
  // ("listen on 127.0.0.1:4422: address already in use").
  virtual absl::StatusOr<int> Lend(const std::string& host, uint16_t port) = 0;
};

}  // namespace l2p

#endif  // L2P_LISTENERS_H_
