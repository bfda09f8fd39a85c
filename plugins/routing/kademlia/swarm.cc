#include "swarm.h"

#include <algorithm>
#include <bit>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "iterative_lookup.h"

namespace l2p::kademlia {
namespace {

// Before anything was measured; and the bounds of what is believed.
constexpr Duration kFirstPatience = absl::Seconds(1);
constexpr Duration kLeastPatience = absl::Milliseconds(50);
constexpr Duration kMostPatience = absl::Seconds(3);
constexpr Duration kAlarmPeriod = absl::Minutes(1);
constexpr Duration kLeastGiveUp = absl::Milliseconds(350);
constexpr size_t kEvery = 16;
// Times the limit that nine in ten keep to, there comes hardly an answer any more: of those of one
// peer, which scatter little, and of those of all. Of the latter, two or three in a thousand come
// after that, and hardly one in five thousand after kHopelessAny.
constexpr double kGiveUpOne = 2;
constexpr double kGiveUpAny = 3;
constexpr double kHopelessAny = 5;

}  // namespace

Patience::Limits Patience::With(const UsualTimes& usual) const {
  const bool by_itself = is_connected && own.has_value();
  const Duration time = by_itself ? *own : is_connected ? usual.standing : usual.unconnected;
  const Duration late = std::clamp(time, kLeastPatience, kMostPatience);
  return {late, std::max((by_itself ? kGiveUpOne : kGiveUpAny) * late, kLeastGiveUp),
          std::max((by_itself ? kGiveUpOne : kHopelessAny) * late, kLeastGiveUp)};
}

LookupMetrics::LookupMetrics(Metrics& metrics)
    : lookups(metrics.Counter("lookups_total", "Lookups that have ended.")),
      requests(metrics.Counter("lookup_requests_total", "Requests that lookups sent.")),
      hops(metrics.Counter("lookup_hops_total",
                           "Answers on the paths to the nearest of each lookup.")),
      far(metrics.Counter("multi_hop_lookups_total",
                          "Lookups whose path took more than one answer.")),
      crowded(metrics.Counter("crowded_keys_total",
                              "Lookups that met more peers near a key than chance puts there.")) {}

void Swarm::Times::Add(Duration took) {
  ring[count++ % ring.size()] = took;
  // Once there are many, a few more change little.
  if (count > ring.size() && count % kEvery != 0) return;
  std::array<Duration, 128> sorted = ring;
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
      network_size_(options_.table.bucket_size),
      metrics_(host.metrics()) {
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
  return Meet(peer, host_.Now()) && was_empty;
}

bool Swarm::Meet(const PeerInfo& peer, Time now) {
  return table_.Hear(peer, now) || table_.Offer({peer, PositionOf(peer.id.binary())}, now);
}

ContactPtr Swarm::ContactOf(PeerInfo peer) const {
  const Position position = PositionOf(peer.id.binary());
  return std::make_shared<Contact>(Contact{std::move(peer), position});
}

void Swarm::Down(const PeerId& peer) {
  MutexLock lock(mutex_);
  connected_.erase(peer);
}

void Swarm::Answered(const PeerInfo& peer, Duration took, bool dialled) {
  const Time now = host_.Now();
  Meet(peer, now);
  table_.Answered(peer.id, dialled ? std::nullopt : std::optional(took), now);
  MutexLock lock(mutex_);
  (dialled ? dialled_ : standing_).Add(took);
  if (dialled || !connected_.contains(peer.id)) {
    undialled_ = static_cast<uint8_t>(undialled_ << 1 | (dialled ? 0 : 1));
  }
}

void Swarm::Failed(const PeerId& peer) {
  table_.Failed(peer);
  if (when_in_doubt_) when_in_doubt_();
}

void Swarm::Doubt(const PeerId& peer) {
  table_.Doubt(peer);
  if (when_in_doubt_) when_in_doubt_();
}

Patience Swarm::PatienceWith(const PeerId& peer) const {
  Patience patience{.own = table_.RttP90(peer), .is_connected = false};
  MutexLock lock(mutex_);
  patience.is_connected = connected_.contains(peer);
  return patience;
}

// Peers are reported as connected only once they were identified, so most of those we do not know
// to be connected may be, all the same: the latest answers tell.
UsualTimes Swarm::Usual() const {
  MutexLock lock(mutex_);
  const bool are_connected = std::popcount(undialled_) > kRecentDials / 2;
  return {standing_.p90, are_connected ? standing_.p90 : dialled_.p90};
}

void Swarm::Finished(const Findings& findings) {
  metrics_.lookups.Add(1);
  metrics_.requests.Add(static_cast<int64_t>(findings.asked));
  metrics_.hops.Add(static_cast<int64_t>(findings.hops));
  if (findings.hops > 1) metrics_.far.Add(1);
}

bool Swarm::IsCrowded(std::string_view key, std::span<const Position> nearest) {
  if (!network_size_.IsCrowded(nearest)) return false;
  metrics_.crowded.Add(1);
  const Time now = host_.Now();
  {
    MutexLock lock(mutex_);
    if (now < last_alarm_ + kAlarmPeriod) return true;
    last_alarm_ = now;
  }
  host_.Log(
      Severity::kWarning,
      absl::StrCat("key ", absl::BytesToHexString(av(key)),
                   ": more peers crowd around it than chance puts there, in a swarm of about ",
                   static_cast<int64_t>(network_size_.Estimate()),
                   ": somebody may want to hide who provides it"));
  return true;
}

std::vector<ContactPtr> Swarm::Beginning(const Position& target, size_t n) const {
  std::vector<ContactPtr> beginning = table_.Closest(target, n, /*good=*/true);
  if (!beginning.empty() && beginning.size() >= kMostCloser) return beginning;
  // Those who failed may have come back, and are asked when nobody better is left.
  beginning = table_.Closest(target, n, /*good=*/false);
  for (PeerInfo& seed : Seeds()) {
    if (beginning.size() >= n) break;
    const auto is_seed = [&](const ContactPtr& known) { return known->peer.id == seed.id; };
    if (std::any_of(beginning.begin(), beginning.end(), is_seed)) continue;
    beginning.push_back(ContactOf(std::move(seed)));
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

std::string Swarm::KeyNear(const Position& position, size_t bits) {
  bits = std::min(bits, kMostKeyBits);
  std::string key(34, '\0');
  key[0] = 0x12;  // Looks like a sha2-256 multihash, for peers that insist on one.
  key[1] = 0x20;
  const MutableByteView digest(reinterpret_cast<uint8_t*>(key.data()) + 2, 32);
  host_.Random(digest);
  for (size_t tries = size_t{1} << (bits + 3); tries > 0; --tries) {
    if (CommonPrefix(position, PositionOf(AsBytes(key))) >= bits) break;
    for (size_t i = 0; i < digest.size() && ++digest[i] == 0; ++i) {
    }
  }
  return key;
}

// Deeper buckets than kMostKeyBits are near ourselves: the lookup of our own id refreshes them.
std::string Swarm::RandomKey(size_t depth) {
  Position position = PositionOf(self_.binary());
  position.FlipBit(depth);
  return KeyNear(position, depth + 1);
}

}  // namespace l2p::kademlia
