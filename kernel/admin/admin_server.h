#ifndef L2P_KERNEL_ADMIN_ADMIN_SERVER_H_
#define L2P_KERNEL_ADMIN_ADMIN_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "kernel/node.h"

namespace l2p {

// The AdminServer is the HTTP endpoint of a node (docs/admin-api.yaml): on a unix socket for this
// machine's user, and on loopback TCP behind a bearer token. Its handlers only translate to the
// node.
class AdminServer {
 public:
  struct Options {
    std::string listen;      // "127.0.0.1:4423"; port 0 = any; empty = no TCP.
    std::string socket;      // Path of the unix socket; over 107 bytes a short one is used instead.
    std::string dashboard;   // Folder of the page's files; without it there is no page.
    std::string token_file;  // The bearer token; made with mode 0600 if missing.
    std::function<void()> shutdown;  // Begins the drain; called from a handler, must not wait.
  };

  // Serves at once. `node` is lent until Stop. FailedPrecondition when the address is taken, naming
  // it and the setting.
  static absl::StatusOr<std::unique_ptr<AdminServer>> Start(Options options, KernelNode& node);
  ~AdminServer();

  std::string url() const;     // "http://127.0.0.1:4423", empty without TCP.
  std::string socket() const;  // The path in use.

  // Lets running requests end until `grace` is over, then cuts their connections. What they wait
  // for in the node ends with KernelNode::Stop; call that before this is destroyed.
  void Stop(Duration grace);

 private:
  struct Parts;
  explicit AdminServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_ADMIN_ADMIN_SERVER_H_
