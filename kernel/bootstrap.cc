#include "kernel/bootstrap.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

constexpr size_t kKnownPeers = 200;
constexpr Duration kDialLimit = absl::Seconds(10);
constexpr Duration kPeriod = absl::Seconds(5);

}  // namespace

Bootstrap::Bootstrap(Runtime& runtime, Network& network, std::vector<Multiaddr> addresses)
    : runtime_(runtime), network_(network), addresses_(std::move(addresses)) {}

void Bootstrap::Start() {
  Tasks& tasks = runtime_.tasks();
  first_ = tasks.After("join", absl::ZeroDuration(), [this] { Join(); });
  timer_ = tasks.Every("join", kPeriod, [this] { Join(); });
}

void Bootstrap::Stop() {
  first_.reset();
  timer_.reset();
}

std::vector<PeerInfo> Bootstrap::KnownPeers() {
  std::vector<PeerInfo> known;
  for (const Multiaddr& address : addresses_) {
    if (const std::optional<PeerId> peer = address.peer()) {
      known.push_back({*peer, {address.WithoutPeer()}});
    }
  }
  for (PeerInfo& peer : network_.Known(kKnownPeers)) known.push_back(std::move(peer));
  return known;
}

void Bootstrap::Join() {
  if (!network_.is_alone()) return;
  for (const Multiaddr& address : addresses_) {
    const absl::StatusOr<PeerId> peer = network_.Connect(address, runtime_.Now() + kDialLimit);
    if (!peer.ok()) {
      runtime_.Log(Severity::kInfo, "kernel",
                   absl::StrCat("bootstrap ", address.ToString(), ": ",
                                std::string(peer.status().message())));
    }
  }
}

}  // namespace l2p
