#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_KADEMLIA_ROUTER_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_KADEMLIA_ROUTER_H_

#include <memory>
#include <string>
#include <vector>

#include "l2p/router.h"
#include "membership.h"
#include "provider_search.h"

namespace l2p {

// Kademlia (wire: kad-dht of libp2p) over one or several protocols, each a swarm of its own. The
// first is the node's: closest peers are of this one; providers are looked for and announced in
// all.
class KademliaRouter : public Router {
 public:
  struct Options {
    std::vector<std::string> protocols;
    kademlia::MembershipOptions membership;  // Of each; without the protocol.
    kademlia::ProviderStore::Options store;
    size_t disjoint_paths = 4;  // Of a search for providers.
  };

  // `host` is lent. REQUIRES: at least one protocol.
  KademliaRouter(Host& host, Options options);
  ~KademliaRouter() override;

  absl::Status Start(Messenger& messenger, std::span<const PeerInfo> known) override;
  absl::StatusOr<std::vector<PeerInfo>> ClosestPeers(const Multihash& key, size_t n,
                                                     Time deadline) override;
  absl::StatusOr<std::unique_ptr<ProviderQuery>> FindProviders(const Multihash& key, size_t most,
                                                               Time deadline) override;
  absl::Status Provide(std::span<const Multihash> keys, Time deadline) override;
  void Withdraw(std::span<const Multihash> keys) override;
  absl::StatusOr<PeerInfo> FindPeer(const PeerId& peer, Time deadline) override;
  std::vector<PeerInfo> Known(size_t most) override;
  void Stop() override;

  // The nearest servers that answered on the way to `key`, and what it took.
  kademlia::Findings Look(const Multihash& key, size_t enough, Time deadline);

  // Others' records. REQUIRES: Start was called.
  const kademlia::ProviderStore& store() const { return *store_; }

  // The part in each swarm, in the order of the protocols; empty before Start.
  const std::vector<std::unique_ptr<kademlia::Membership>>& memberships() const {
    return memberships_;
  }

 private:
  void Search(const std::string& key, kademlia::ProviderSearch& search, Time deadline);
  absl::Status SearchIn(kademlia::Membership& membership, const std::string& key,
                        kademlia::ProviderSearch& search, Time deadline);
  void FindAddresses(kademlia::ProviderSearch& search, Time deadline);
  absl::StatusOr<PeerInfo> FindIn(kademlia::Membership& membership, const PeerId& peer,
                                  const std::atomic<bool>* cancelled, Time deadline);
  void Flush();

  Host& host_;
  const Options options_;
  std::unique_ptr<kademlia::ProviderStore> store_;
  std::vector<std::unique_ptr<kademlia::Membership>> memberships_;
  std::unique_ptr<Registration> flush_;
  TaskGroup tasks_;
};

}  // namespace l2p

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_KADEMLIA_ROUTER_H_
