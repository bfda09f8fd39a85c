#include "announcer.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "iterative_lookup.h"
#include "provider_store.h"

namespace l2p::kademlia {
namespace {

// Of a sweep that nobody waits for.
constexpr Duration kSweepLimit = absl::Hours(1);

// Times `replication`. A region should hold two to four times as many servers as that.
constexpr size_t kMostInRegion = 5;

// All positions that share `depth` bits are nearer to each other than this, or just so far.
Position EndOfRegion(size_t depth) {
  Position end = kFarthest;
  for (size_t bit = 0; bit < depth; ++bit) end.FlipBit(bit);
  return end;
}

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
  bool is_time = false;
  {
    MutexLock lock(mutex_);
    for (const auto& [key, own] : keys_) {
      const Time at = DueAt(own, known);
      is_time |= at <= now;
      // Keys that came one by one would else be looked up one by one for ever.
      if (at <= now + options_.again / kRounds) due.push_back(key);
    }
  }
  if (!is_time) return;
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
  std::span<Place> left = places;
  while (!left.empty()) {
    if (!region || !Contains(*region, left[0])) {
      L2P_ASSIGN_OR_RETURN(region, Explore(left[0], deadline));
    }
    const std::span<Place> now_told = left.first(CountTogether(left, *region));
    Tell(now_told, *region, self, deadline);
    const Time now = swarm_.host().Now();
    if (now >= deadline) return absl::DeadlineExceededError("announce: out of time");
    Remember(now_told, now);
    left = left.subspan(now_told.size());
  }
  return absl::OkStatus();
}

void Announcer::Remember(std::span<const Place> places, Time now) {
  MutexLock lock(mutex_);
  for (const Place& place : places) {
    const auto own = keys_.find(place.key);
    if (own != keys_.end()) own->second = {now, place.reached};
  }
}

bool Announcer::Contains(const Region& region, const Place& place) {
  return CommonPrefix(region.center, place.position) >= region.depth;
}

size_t Announcer::CountTogether(std::span<const Place> places, const Region& region) {
  size_t count = 1;
  while (count < std::min(places.size(), kMostTogether) && Contains(region, places[count])) ++count;
  return count;
}

absl::StatusOr<Announcer::Region> Announcer::Explore(const Place& place, Time deadline) {
  ++lookups_;
  const std::optional<size_t> depth = swarm_.network_size().RegionDepth();
  IterativeLookup lookup(swarm_,
                         {.type = MessageType::kFindNode,
                          .key = place.key,
                          .enough = options_.replication,
                          .reach = depth ? EndOfRegion(*depth) : Position{},
                          .heard = nullptr},
                         deadline);
  Findings findings = lookup.Run();
  L2P_RETURN_IF_ERROR(findings.status);
  Region region{
      .center = place.position, .depth = kPositionBits, .servers = std::move(findings.answered)};
  const auto inside = [&](size_t bits) {
    return static_cast<size_t>(
        std::count_if(region.servers.begin(), region.servers.end(), [&](const ContactPtr& server) {
          return CommonPrefix(place.position, server->position) >= bits;
        }));
  };
  if (region.servers.size() < options_.replication) {
    region.depth = 0;  // That was the whole swarm.
  } else if (depth && inside(*depth) >= options_.replication) {
    region.depth = *depth;
    // The swarm has grown since its size was estimated: nearer to the key we know it better.
    while (inside(region.depth) > kMostInRegion * options_.replication) ++region.depth;
  }
  return region;
}

std::vector<const Contact*> Announcer::ToTell(const Place& place, const Region& region) {
  std::vector<std::pair<Position, const Contact*>> order;
  for (const ContactPtr& server : region.servers) {
    order.emplace_back(Distance(place.position, server->position), server.get());
  }
  std::sort(order.begin(), order.end());
  const Position reach = swarm_.network_size().Reach();
  std::vector<Position> nearest;
  size_t wanted = 0;
  for (const auto& [distance, server] : order) {
    if (wanted < options_.replication) nearest.push_back(distance);
    if (wanted < options_.replication || distance < reach) ++wanted;
  }
  swarm_.IsCrowded(place.key, nearest);
  const size_t told = std::min(wanted, std::max(kMostTold, options_.replication));
  std::vector<const Contact*> chosen;
  for (size_t i = 0; i < told; ++i) chosen.push_back(order[i * wanted / told].second);
  return chosen;
}

void Announcer::Tell(std::span<Place> places, Region& region, const PeerInfo& self, Time deadline) {
  if (self.addresses.empty()) return;  // Nobody keeps a record that leads nowhere.
  std::map<const Contact*, std::vector<size_t>> of_contact;
  std::vector<Bytes> records;
  for (size_t i = 0; i < places.size(); ++i) {
    records.push_back(Bytes::Of(Encode({.type = MessageType::kAddProvider,
                                        .key = places[i].key,
                                        .closer = {},
                                        .providers = {self}})));
    for (const Contact* contact : ToTell(places[i], region)) of_contact[contact].push_back(i);
  }
  std::vector<ContactPtr> left;
  for (const ContactPtr& server : region.servers) {
    const std::vector<size_t>& told = of_contact[server.get()];
    std::vector<Bytes> message;
    for (const size_t i : told) message.push_back(records[i]);
    if (!message.empty() && !TellOne(*server, message, deadline)) continue;
    for (const size_t i : told) ++places[i].reached;
    left.push_back(server);
  }
  region.servers = std::move(left);
}

bool Announcer::TellOne(const Contact& contact, std::span<const Bytes> records, Time deadline) {
  if (swarm_.stopping()) return false;
  const Time limit = std::min(deadline, swarm_.host().Now() + swarm_.options().request_timeout);
  const absl::Status status =
      swarm_.messenger().Tell(contact.peer, swarm_.options().protocol, records, limit);
  if (!status.ok()) swarm_.Failed(contact.peer.id);
  return status.ok();
}

}  // namespace l2p::kademlia
