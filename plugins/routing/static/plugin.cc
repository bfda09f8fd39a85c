#include "l2p/plugin.h"

#include "absl/strings/str_cat.h"
#include "static_router.h"

namespace {

constexpr l2p::SettingSpec kSettings[] = {
    {"peers", l2p::SettingType::kList, "", "",
     "addresses with /p2p of the peers of the swarm; those that they know, or that connect, are "
     "added"},
};

absl::StatusOr<std::unique_ptr<l2p::Router>> OpenStaticRouter(l2p::Host& host,
                                                              const l2p::Settings& settings) {
  std::vector<l2p::PeerInfo> peers;
  for (const std::string& text : settings.List("peers")) {
    const absl::StatusOr<l2p::Multiaddr> address = l2p::Multiaddr::FromString(text);
    L2P_RETURN_IF_ERROR(l2p::WithContext(address.status(), "routing.static.peers"));
    const std::optional<l2p::PeerId> id = address->peer();
    if (!id) {
      return absl::InvalidArgumentError(
          absl::StrCat("routing.static.peers: ", text, " has no /p2p"));
    }
    peers.push_back({*id, {address->WithoutPeer()}});
  }
  return std::make_unique<l2p::StaticRouter>(host,
                                             l2p::StaticRouter::Options{.peers = std::move(peers)});
}

}  // namespace

L2P_PLUGIN(l2p::Router, "static", "1.0.0", kSettings, OpenStaticRouter);
