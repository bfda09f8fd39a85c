#ifndef L2P_TESTS_SDK_TESTKIT_DEFECTIVE_PLAIN_KADEMLIA_H_
#define L2P_TESTS_SDK_TESTKIT_DEFECTIVE_PLAIN_KADEMLIA_H_

#include "kademlia_router.h"

namespace l2p {

// Kademlia with its default options, for others to break it in one point.
class PlainKademlia : public KademliaRouter {
 public:
  explicit PlainKademlia(Host& host) : KademliaRouter(host, WithProtocol()), host_(host) {}

 protected:
  Host& host() { return host_; }

 private:
  static Options WithProtocol() {
    Options options;
    options.protocols = {"/l2p/kad/1.0.0"};
    return options;
  }

  Host& host_;
};

}  // namespace l2p

#endif  // L2P_TESTS_SDK_TESTKIT_DEFECTIVE_PLAIN_KADEMLIA_H_
