#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_RESPONDER_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_RESPONDER_H_

#include "announcer.h"
#include "message.h"
#include "provider_store.h"
#include "swarm.h"

namespace l2p::kademlia {

// A Responder answers the requests of other peers from what this node knows. [any thread]
class Responder {
 public:
  static constexpr size_t kMaxRequest = 64 << 10;
  static constexpr size_t kMostProvidersTold = 100;

  // All are lent. `own` tells what this node provides itself.
  Responder(Swarm& swarm, ProviderStore& store, const Announcer& own, size_t closest)
      : swarm_(swarm), store_(store), own_(own), closest_(closest) {}

  // As Messenger::Handler.
  absl::StatusOr<std::optional<Bytes>> Answer(const Caller& from, ByteView request);

 private:
  void WriteCloser(const Message& request, const PeerId& asker, MessageWriter& answer) const;
  // The peer whose id is asked for, if it is known.
  std::optional<PeerInfo> Target(const Message& request) const;
  std::vector<PeerInfo> Providers(const std::string& key) const;
  absl::Status AddProvider(const Caller& from, const Message& request);

  Swarm& swarm_;
  ProviderStore& store_;
  const Announcer& own_;
  const size_t closest_;
};

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_RESPONDER_H_
