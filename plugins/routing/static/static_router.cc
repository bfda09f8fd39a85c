#include "static_router.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

// Gives out a list that was complete from the start.
class ListQuery : public ProviderQuery {
 public:
  explicit ListQuery(std::vector<PeerInfo> peers) : peers_(std::move(peers)) {}

  absl::StatusOr<std::optional<PeerInfo>> Next(Time) override {
    if (next_ == peers_.size()) return std::nullopt;
    return peers_[next_++];
  }

 private:
  const std::vector<PeerInfo> peers_;
  size_t next_ = 0;
};

}  // namespace

StaticRouter::StaticRouter(Host& host, std::vector<PeerInfo> configured) : host_(host) {
  for (const PeerInfo& peer : configured) Add(peer);
}

absl::Status StaticRouter::Start(Messenger& messenger, std::span<const PeerInfo> known) {
  for (const PeerInfo& peer : known) Add(peer);
  watch_ = messenger.Watch(
      {.up = [this](const PeerInfo& peer, const std::vector<std::string>&) { Add(peer); },
       .down = [](const PeerId&) {}});
  return absl::OkStatus();
}

void StaticRouter::Stop() { watch_.reset(); }

void StaticRouter::Add(const PeerInfo& peer) {
  if (peer.id == host_.identity().peer()) return;
  MutexLock lock(mutex_);
  if (peers_.size() >= kMostPeers && !peers_.contains(peer.id)) return;
  PeerInfo& kept = peers_[peer.id];
  kept.id = peer.id;
  // The newest addresses count, but none are no reason to forget the old.
  if (!peer.addresses.empty()) kept.addresses = peer.addresses;
}

std::vector<PeerInfo> StaticRouter::Sorted(const Multihash& key) {
  std::vector<PeerInfo> peers = Known(kMostPeers);
  const auto hash = [this](ByteView bytes) { return host_.crypto().Sha256({&bytes, 1}); };
  const Sha256Digest target = hash(key.binary());
  std::vector<std::pair<Sha256Digest, PeerInfo>> order;
  for (PeerInfo& peer : peers) {
    Sha256Digest distance = hash(peer.id.binary());
    for (size_t i = 0; i < distance.size(); ++i) distance[i] ^= target[i];
    order.emplace_back(distance, std::move(peer));
  }
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  peers.clear();
  for (auto& [distance, peer] : order) peers.push_back(std::move(peer));
  return peers;
}

absl::StatusOr<std::vector<PeerInfo>> StaticRouter::ClosestPeers(const Multihash& key, size_t n,
                                                                 Time) {
  std::vector<PeerInfo> closest = Sorted(key);
  closest.resize(std::min(n, closest.size()));
  return closest;
}

absl::StatusOr<std::unique_ptr<ProviderQuery>> StaticRouter::FindProviders(const Multihash& key,
                                                                           size_t most, Time) {
  std::vector<PeerInfo> peers = Sorted(key);
  peers.resize(std::min(most, peers.size()));
  return std::make_unique<ListQuery>(std::move(peers));
}

absl::StatusOr<PeerInfo> StaticRouter::FindPeer(const PeerId& peer, Time) {
  MutexLock lock(mutex_);
  const auto found = peers_.find(peer);
  if (found == peers_.end() || found->second.addresses.empty()) {
    return absl::NotFoundError(absl::StrCat("peer ", peer.ToString(), ": in no list"));
  }
  return found->second;
}

std::vector<PeerInfo> StaticRouter::Known(size_t most) {
  MutexLock lock(mutex_);
  std::vector<PeerInfo> known;
  for (const auto& [id, peer] : peers_) {
    if (known.size() < most) known.push_back(peer);
  }
  return known;
}

}  // namespace l2p
