#ifndef L2P_KERNEL_BOOTSTRAP_H_
#define L2P_KERNEL_BOOTSTRAP_H_

#include <atomic>
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

  // Dials at once, soon again, and then every few seconds while there is nobody, until Stop.
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
  std::atomic<bool> joining_ = false;
  std::vector<std::unique_ptr<Registration>> timers_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_BOOTSTRAP_H_
