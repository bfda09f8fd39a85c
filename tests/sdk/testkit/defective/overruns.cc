// Takes a deadline for a proposal.
#include "l2p/plugin.h"
#include "plain_kademlia.h"

namespace l2p {
namespace {

class SlowRouter : public PlainKademlia {
 public:
  using PlainKademlia::PlainKademlia;

  absl::StatusOr<std::vector<PeerInfo>> ClosestPeers(const Multihash& key, size_t n,
                                                     Time deadline) override {
    return PlainKademlia::ClosestPeers(key, n, deadline + absl::Seconds(5));
  }
  absl::Status Provide(std::span<const Multihash> keys, Time deadline) override {
    return PlainKademlia::Provide(keys, deadline + absl::Seconds(5));
  }
};

absl::StatusOr<std::unique_ptr<Router>> Open(Host& host, const Settings&) {
  return std::make_unique<SlowRouter>(host);
}

}  // namespace
}  // namespace l2p

L2P_PLUGIN(l2p::Router, "overruns", "1.0.0", l2p::kNoSettings, l2p::Open);
