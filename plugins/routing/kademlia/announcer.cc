#include "announcer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "iterative_lookup.h"
#include "provider_store.h"

namespace l2p::kademlia {
namespace {

// A lookup for a region asks for so many times `replication` peers: the region that it then covers
// holds at least half of them, so nearly always enough.
constexpr size_t kRegionFactor = 3;

// Of a sweep that nobody waits for.
constexpr Duration kSweepLimit = absl::Hours(1);

}  // namespace

absl::Status Announcer::Announce(std::span<const Multihash> keys, Time deadline) {
  std::vector<std::string> texts;
  for (const Multihash& key : keys) {
    if (key.empty() || key.bytes().size() > ProviderStore::kMaxKey) {
      return absl::InvalidArgumentError(absl::StrCat(
          "provide ", key.ToString(), ": no key of 1 to ", ProviderStore::kMaxKey, " bytes"));
    }
    texts.push_back(key.bytes());
  }
  const Time now = swarm_.host().Now();
  {
    MutexLock lock(mutex_);
    for (const std::string& key : texts) keys_.try_emplace(key, Own{now, 0});
  }
  return Sweep(std::move(texts), deadline);
}

void Announcer::Withdraw(std::span<const Multihash> keys) {
  MutexLock lock(mutex_);
  for (const Multihash& key : keys) keys_.erase(key.bytes());
}

bool Announcer::Has(const std::string& key) const {
  MutexLock lock(mutex_);
  return keys_.contains(key);
}

Time Announcer::DueAt(const Own& own, size_t known) const {
  if (own.reached >= std::min(options_.replication, known)) return own.announced + options_.again;
  return own.announced + std::min(own.reached == 0 ? kFirstRetry : kRetry, options_.again);
}

void Announcer::AnnounceDue() {
  const Time now = swarm_.host().Now();
  const size_t known = swarm_.table().size();
  if (known == 0) return;
  std::vector<std::string> due;
  {
    MutexLock lock(mutex_);
    for (const auto& [key, own] : keys_) {
      if (DueAt(own, known) <= now) due.push_back(key);
    }
  }
  if (due.empty()) return;
  const absl::Status status = Sweep(std::move(due), now + kSweepLimit);
  if (!status.ok() && !absl::IsAborted(status)) {
    swarm_.host().Log(Severity::kWarning, absl::StrCat("announce again: ", status.ToString()));
  }
}

Time Announcer::NextDue() const {
  const size_t known = swarm_.table().size();
  Time next = absl::InfiniteFuture();
  if (known == 0) return next;
  MutexLock lock(mutex_);
  for (const auto& [key, own] : keys_) next = std::min(next, DueAt(own, known));
  return next;
}

absl::Status Announcer::Sweep(std::vector<std::string> keys, Time deadline) {
  std::vector<Place> places;
  for (std::string& key : keys) {
    const Position position = swarm_.PositionOf(AsBytes(key));
    places.push_back({position, std::move(key)});
  }
  std::sort(places.begin(), places.end(),
            [](const Place& a, const Place& b) { return a.position < b.position; });
  const PeerInfo self = swarm_.messenger().Self();
  std::optional<Region> region;
  for (size_t i = 0; i < places.size(); ++i) {
    const Place& place = places[i];
    if (!region || CommonPrefix(region->center, place.position) < region->depth) {
      L2P_ASSIGN_OR_RETURN(region, Explore(place, i + 1 < places.size(), deadline));
    }
    const size_t reached = Tell(place, *region, self, deadline);
    const Time now = swarm_.host().Now();
    if (now >= deadline) return absl::DeadlineExceededError("announce: out of time");
    MutexLock lock(mutex_);
    const auto own = keys_.find(place.key);
    if (own != keys_.end()) own->second = {now, reached};
  }
  return absl::OkStatus();
}

absl::StatusOr<Announcer::Region> Announcer::Explore(const Place& place, bool reuse,
                                                     Time deadline) {
  ++lookups_;
  const size_t wanted = options_.replication * (reuse ? kRegionFactor : 1);
  IterativeLookup lookup(
      swarm_,
      {.type = MessageType::kFindNode, .key = place.key, .enough = wanted, .heard = nullptr},
      deadline);
  const Findings findings = lookup.Run();
  L2P_RETURN_IF_ERROR(findings.status);
  Region region{.center = place.position, .depth = kPositionBits, .servers = {}};
  for (const PeerInfo& peer : findings.answered) {
    region.servers.push_back({peer, swarm_.PositionOf(peer.id.binary())});
  }
  if (region.servers.size() < wanted) {
    region.depth = 0;  // That was the whole swarm.
    return region;
  }
  // Every server nearer to the centre than the `wanted`-th has been found: all of those, at least,
  // that share one bit more with the centre than it does. If they are enough, then the closest
  // to any other key that shares these bits are among them.
  const size_t depth = CommonPrefix(place.position, region.servers[wanted - 1].position) + 1;
  const auto inside =
      std::count_if(region.servers.begin(), region.servers.end(), [&](const Contact& server) {
        return CommonPrefix(place.position, server.position) >= depth;
      });
  if (static_cast<size_t>(inside) >= options_.replication) region.depth = depth;
  return region;
}

size_t Announcer::Tell(const Place& place, const Region& region, const PeerInfo& self,
                       Time deadline) {
  if (self.addresses.empty()) return 0;  // Nobody keeps a record that leads nowhere.
  std::vector<const Contact*> nearest;
  for (const Contact& server : region.servers) nearest.push_back(&server);
  const size_t told = std::min(options_.replication, nearest.size());
  std::partial_sort(nearest.begin(), nearest.begin() + static_cast<ptrdiff_t>(told), nearest.end(),
                    [&](const Contact* a, const Contact* b) {
                      return Distance(place.position, a->position) <
                             Distance(place.position, b->position);
                    });
  nearest.resize(told);
  const Bytes message = Bytes::Of(Encode(
      {.type = MessageType::kAddProvider, .key = place.key, .closer = {}, .providers = {self}}));
  size_t reached = 0;
  for (const Contact* contact : nearest) {
    if (swarm_.stopping()) break;
    const Time limit = std::min(deadline, swarm_.host().Now() + swarm_.options().request_timeout);
    const absl::Status status =
        swarm_.messenger().Tell(contact->peer, swarm_.options().protocol, message, limit);
    if (status.ok()) {
      ++reached;
    } else {
      swarm_.Failed(contact->peer.id);
    }
  }
  return reached;
}

}  // namespace l2p::kademlia
