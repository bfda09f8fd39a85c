#ifndef L2P_PLUGINS_ROUTING_STATIC_STATIC_ROUTER_H_
#define L2P_PLUGINS_ROUTING_STATIC_STATIC_ROUTER_H_

#include <map>
#include <memory>
#include <vector>

#include "l2p/host.h"
#include "l2p/router.h"

namespace l2p {

// For small closed swarms: knows the peers it was told of and those that connect, and asks nobody
// where things are: whoever is connected, or else was configured, may be a provider of anything.
class StaticRouter : public Router {
 public:
  static constexpr size_t kMostPeers = 4096;

  // `host` is lent.
  StaticRouter(Host& host, std::vector<PeerInfo> configured);

  absl::Status Start(Messenger& messenger, std::span<const PeerInfo> known) override;
  absl::StatusOr<std::vector<PeerInfo>> ClosestPeers(const Multihash& key, size_t n,
                                                     Time deadline) override;
  absl::StatusOr<std::unique_ptr<ProviderQuery>> FindProviders(const Multihash& key, size_t most,
                                                               Time deadline) override;
  absl::Status Provide(std::span<const Multihash>, Time) override { return absl::OkStatus(); }
  void Withdraw(std::span<const Multihash>) override {}
  absl::StatusOr<PeerInfo> FindPeer(const PeerId& peer, Time deadline) override;
  std::vector<PeerInfo> Known(size_t most) override;
  void Stop() override;

 private:
  void Add(const PeerInfo& peer);
  // Peers in the order of their distance to `key`.
  std::vector<PeerInfo> Sorted(const Multihash& key);

  Host& host_;
  Mutex mutex_{"StaticRouter"};
  std::map<PeerId, PeerInfo> peers_ L2P_GUARDED_BY(mutex_);
  std::unique_ptr<Registration> watch_;
};

}  // namespace l2p

#endif  // L2P_PLUGINS_ROUTING_STATIC_STATIC_ROUTER_H_
