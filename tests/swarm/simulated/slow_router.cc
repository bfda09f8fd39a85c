#include "tests/swarm/simulated/slow_router.h"

#include "l2p/router.h"
#include "tests/swarm/simulated/linked_plugin.h"

namespace l2p {
namespace {

class SlowQuery final : public ProviderQuery {
 public:
  SlowQuery(std::unique_ptr<ProviderQuery> query, Host& host)
      : query_(std::move(query)), host_(host), pause_(host.NewEvent()) {}

  absl::StatusOr<std::optional<PeerInfo>> Next(Time deadline) override {
    if (found_++ > 0) pause_->Wait(std::min(deadline, host_.Now() + absl::Seconds(1)));
    return query_->Next(deadline);
  }

 private:
  const std::unique_ptr<ProviderQuery> query_;
  Host& host_;
  const std::unique_ptr<Event> pause_;
  size_t found_ = 0;
};

class SlowRouter final : public Router {
 public:
  SlowRouter(std::unique_ptr<Router> router, Host& host)
      : router_(std::move(router)), host_(host) {}

  absl::Status Start(Messenger& messenger, std::span<const PeerInfo> known) override {
    return router_->Start(messenger, known);
  }
  absl::StatusOr<std::vector<PeerInfo>> ClosestPeers(const Multihash& key, size_t n,
                                                     Time deadline) override {
    return router_->ClosestPeers(key, n, deadline);
  }
  absl::StatusOr<std::unique_ptr<ProviderQuery>> FindProviders(const Multihash& key, size_t most,
                                                               Time deadline) override {
    L2P_ASSIGN_OR_RETURN(std::unique_ptr<ProviderQuery> query,
                         router_->FindProviders(key, most, deadline));
    return std::make_unique<SlowQuery>(std::move(query), host_);
  }
  absl::Status Provide(std::span<const Multihash> keys, Time deadline) override {
    return router_->Provide(keys, deadline);
  }
  void Withdraw(std::span<const Multihash> keys) override { router_->Withdraw(keys); }
  absl::StatusOr<PeerInfo> FindPeer(const PeerId& peer, Time deadline) override {
    return router_->FindPeer(peer, deadline);
  }
  std::vector<PeerInfo> Known(size_t most) override { return router_->Known(most); }
  void Stop() override { router_->Stop(); }

 private:
  const std::unique_ptr<Router> router_;
  Host& host_;
};

absl::StatusOr<std::unique_ptr<Router>> OpenSlow(Host& host, const Settings&) {
  L2P_ASSIGN_OR_RETURN(std::unique_ptr<Router> router, OpenBuilt<Router>("kademlia", host));
  return std::make_unique<SlowRouter>(std::move(router), host);
}

}  // namespace

constinit const PluginDescriptor kSlowRouter = DescribeLinked<Router, OpenSlow>("slow");

}  // namespace l2p
