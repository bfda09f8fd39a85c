#include "swarm.h"

#include <algorithm>

namespace l2p::kademlia {
namespace {

// Before anything was measured; and the bounds of what is believed.
constexpr Duration kFirstPatience = absl::Seconds(1);
constexpr Duration kLeastPatience = absl::Milliseconds(50);
constexpr Duration kMostPatience = absl::Seconds(3);

// Finding a key d bits deep takes 2^(d+1) hashes; deeper buckets are near ourselves, and the lookup
// of our own id refreshes them.
constexpr size_t kDeepestRandom = 16;

}  // namespace

void Swarm::Times::Add(Duration took) {
  ring[count++ % ring.size()] = took;
  std::array<Duration, 64> sorted = ring;
  const size_t filled = std::min(count, ring.size());
  const auto end = sorted.begin() + static_cast<ptrdiff_t>(filled);
  const auto at = sorted.begin() + static_cast<ptrdiff_t>(filled * 9 / 10);
  std::nth_element(sorted.begin(), at, end);
  p90 = *at;
}

Swarm::Swarm(Host& host, Messenger& messenger, SwarmOptions options)
    : host_(host),
      messenger_(messenger),
      options_(std::move(options)),
      self_(host.identity().peer()),
      table_(PositionOf(self_.binary()), options_.table),
      lookups_(host.metrics().Counter("lookups_total", "Lookups that have ended.")),
      lookup_hops_(host.metrics().Counter("lookup_hops_total",
                                          "Answers on the paths to the nearest of each lookup.")),
      multi_hop_lookups_(host.metrics().Counter("multi_hop_lookups_total",
                                                "Lookups whose path took more than one answer.")) {
  standing_.p90 = dialled_.p90 = kFirstPatience;
}

void Swarm::SetSeeds(std::vector<PeerInfo> seeds) {
  std::erase_if(seeds, [this](const PeerInfo& seed) { return seed.id == self_; });
  seeds.resize(std::min(seeds.size(), kMostSeeds));
  MutexLock lock(mutex_);
  seeds_ = std::move(seeds);
}

std::vector<PeerInfo> Swarm::Seeds() const {
  MutexLock lock(mutex_);
  return seeds_;
}

bool Swarm::Up(const PeerInfo& peer, const std::vector<std::string>& protocols) {
  if (peer.id == self_) return false;
  {
    MutexLock lock(mutex_);
    if (connected_.size() < kMostConnected || connected_.contains(peer.id)) {
      connected_[peer.id] = peer;
    }
  }
  if (!std::binary_search(protocols.begin(), protocols.end(), options_.protocol)) {
    table_.Remove(peer.id);
    return false;
  }
  const bool was_empty = table_.size() == 0;
  return table_.Offer({peer, PositionOf(peer.id.binary())}, host_.Now()) && was_empty;
}

void Swarm::Down(const PeerId& peer) {
  MutexLock lock(mutex_);
  connected_.erase(peer);
}

void Swarm::Answered(const PeerInfo& peer, Duration took, bool dialled) {
  const Time now = host_.Now();
  table_.Offer({peer, PositionOf(peer.id.binary())}, now);
  table_.Answered(peer.id, dialled ? std::nullopt : std::optional(took), now);
  MutexLock lock(mutex_);
  (dialled ? dialled_ : standing_).Add(took);
}

void Swarm::LookedUp(size_t hops) {
  lookups_.Add(1);
  lookup_hops_.Add(static_cast<int64_t>(hops));
  if (hops > 1) multi_hop_lookups_.Add(1);
}

Duration Swarm::Patience(const PeerId& peer) const {
  const std::optional<Duration> own = table_.RttP90(peer);
  MutexLock lock(mutex_);
  const bool is_connected = connected_.contains(peer);
  const Duration usual = !is_connected ? dialled_.p90 : own ? *own : standing_.p90;
  return std::clamp(usual, kLeastPatience, kMostPatience);
}

std::vector<PeerInfo> Swarm::Beginning(const Position& target, size_t n) const {
  std::vector<PeerInfo> beginning;
  for (Contact& contact : table_.Closest(target, n, /*good=*/false)) {
    beginning.push_back(std::move(contact.peer));
  }
  if (beginning.size() >= n) return beginning;
  MutexLock lock(mutex_);
  for (const PeerInfo& seed : seeds_) {
    if (beginning.size() >= n) break;
    const auto is_seed = [&](const PeerInfo& peer) { return peer.id == seed.id; };
    if (std::none_of(beginning.begin(), beginning.end(), is_seed)) beginning.push_back(seed);
  }
  return beginning;
}

std::optional<PeerInfo> Swarm::Find(const PeerId& peer) const {
  if (std::optional<PeerInfo> found = table_.Find(peer); found) return found;
  MutexLock lock(mutex_);
  const auto found = connected_.find(peer);
  if (found == connected_.end() || found->second.addresses.empty()) return std::nullopt;
  return found->second;
}

std::string Swarm::RandomKey(size_t depth) {
  const Position own = PositionOf(self_.binary());
  std::string key(34, '\0');
  key[0] = 0x12;  // Looks like a sha2-256 multihash, for peers that insist on one.
  key[1] = 0x20;
  const MutableByteView digest(reinterpret_cast<uint8_t*>(key.data()) + 2, 32);
  host_.Random(digest);
  for (size_t tries = size_t{1} << (std::min(depth, kDeepestRandom) + 3); tries > 0; --tries) {
    if (CommonPrefix(own, PositionOf(AsBytes(key))) == depth) break;
    for (size_t i = 0; i < digest.size() && ++digest[i] == 0; ++i) {
    }
  }
  return key;
}

}  // namespace l2p::kademlia
