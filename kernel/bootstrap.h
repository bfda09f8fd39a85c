#ifndef L2P_KERNEL_BOOTSTRAP_H_
#define L2P_KERNEL_BOOTSTRAP_H_

#include <memory>
#include <vector>

#include "kernel/network/network.h"
#include "l2p/runtime.h"

namespace l2p {

// The Bootstrap dials the peers of network.bootstrap for as long as nobody is connected. (The
// router keeps up with its own peers; this is for a node that has none.)
class Bootstrap {
 public:
  // What is lent outlives the Bootstrap.
  Bootstrap(Runtime& runtime, Network& network, std::vector<Multiaddr> addresses);

  // Dials at once, and again every few seconds while there is nobody, until Stop.
  void Start();
  void Stop();

  // Nobody to join is set: this may be a network of one. [any thread]
  bool empty() const { return addresses_.empty(); }

  // Whom a router may begin with: those of the settings, then those seen in earlier runs.
  std::vector<PeerInfo> KnownPeers();

 private:
  void Join();

  Runtime& runtime_;
  Network& network_;
  const std::vector<Multiaddr> addresses_;
  std::unique_ptr<Registration> first_;
  std::unique_ptr<Registration> timer_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_BOOTSTRAP_H_
