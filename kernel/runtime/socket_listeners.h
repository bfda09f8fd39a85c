#ifndef L2P_KERNEL_RUNTIME_SOCKET_LISTENERS_H_
#define L2P_KERNEL_RUNTIME_SOCKET_LISTENERS_H_

#include <map>
#include <mutex>
#include <string>

#include "l2p/listeners.h"

namespace l2p {

// Listening sockets that stay open until the Runtime ends.
class SocketListeners : public Listeners {
 public:
  ~SocketListeners() override;

  absl::StatusOr<int> Lend(const std::string& host, uint16_t port) override;

 private:
  std::mutex mutex_;
  std::map<std::string, int> by_address_;  // "host:port" as asked for.
};

}  // namespace l2p

#endif  // L2P_KERNEL_RUNTIME_SOCKET_LISTENERS_H_
