#include "kernel/bootstrap.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

constexpr size_t kKnownPeers = 200;
constexpr Duration kDialLimit = absl::Seconds(10);
constexpr Duration kPeriod = absl::Seconds(5);
// After the start: peers that are started together do not listen yet.
constexpr Duration kFirst[] = {absl::ZeroDuration(), absl::Milliseconds(250),
                               absl::Milliseconds(750), absl::Milliseconds(1750)};

}  // namespace

Bootstrap::Bootstrap(Runtime& runtime, Network& network, std::vector<Multiaddr> addresses)
    : runtime_(runtime), network_(network), addresses_(std::move(addresses)) {}

void Bootstrap::Start() {
  Tasks& tasks = runtime_.tasks();
  for (const Duration delay : kFirst) {
    timers_.push_back(tasks.After("join", delay, [this] { Join(); }));
  }
  timers_.push_back(tasks.Every("join", kPeriod, [this] { Join(); }));
}

void Bootstrap::Stop() { timers_.clear(); }

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
  if (!network_.is_alone() || joining_.exchange(true)) return;
  for (const Multiaddr& address : addresses_) {
    const absl::StatusOr<PeerId> peer = network_.Connect(address, runtime_.Now() + kDialLimit);
    if (!peer.ok()) {
      runtime_.Log(Severity::kInfo, "kernel",
                   absl::StrCat("bootstrap ", address.ToString(), ": ",
                                std::string(peer.status().message())));
    }
  }
  joining_ = false;
}

}  // namespace l2p
