#ifndef L2P_KERNEL_SERVICES_H_
#define L2P_KERNEL_SERVICES_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "kernel/service_node.h"
#include "l2p/runtime.h"
#include "l2p/service.h"

namespace l2p {

// Services are the add-ons that run on one node, each with what it sees of the node. Used by one
// task.
class Services {
 public:
  // Takes `service` in; it is not started yet.
  void Add(std::string name, std::unique_ptr<ServiceNode> node, std::unique_ptr<Service> service);

  // Starts all in the order they were added. On an error, which names the service, none runs.
  absl::Status Start();

  // Stops what runs, the last started first. One that waits for a peer, to fetch or push something,
  // may do so until `deadline`; then `cut` is called, which has to end that.
  void Stop(Runtime& runtime, Time deadline, const std::function<void()>& cut);

 private:
  struct Running {
    std::string name;
    std::unique_ptr<ServiceNode> node;
    std::unique_ptr<Service> service;
    bool started = false;
  };
  void StopAll();

  std::vector<Running> services_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_SERVICES_H_
