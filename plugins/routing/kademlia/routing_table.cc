#include "routing_table.h"

#include <algorithm>
#include <array>

#include "absl/container/inlined_vector.h"

namespace l2p::kademlia {
namespace {

// Where in its bucket `position` is: the bits behind the first in which it differs from ours.
uint8_t PartOf(const Position& position, size_t bucket) {
  uint8_t part = 0;
  for (size_t bit = bucket + 1; bit <= bucket + RoutingTable::kPartBits; ++bit) {
    const bool is_set = bit < kPositionBits && position.Bit(bit);
    part = static_cast<uint8_t>(part << 1 | (is_set ? 1 : 0));
  }
  return part;
}

template <typename Entries>
std::array<size_t, RoutingTable::kParts> CountParts(const Entries& entries) {
  std::array<size_t, RoutingTable::kParts> counts = {};
  for (const auto& entry : entries) ++counts[entry->part];
  return counts;
}

}  // namespace

std::unique_ptr<RoutingTable::Entry> RoutingTable::MakeEntry(Contact contact, Time now) const {
  auto entry = std::make_unique<Entry>();
  entry->networks = Networks::Of(contact.peer.addresses, options_.diversity_all);
  entry->bucket = static_cast<uint8_t>(CommonPrefix(own_, contact.position));
  entry->part = PartOf(contact.position, entry->bucket);
  entry->since = now;
  entry->heard = now;
  contact.body = PeerBody::Of(contact.peer);
  entry->contact = std::make_shared<Contact>(std::move(contact));
  return entry;
}

std::unique_ptr<RoutingTable::Entry> RoutingTable::TakeSpare(Bucket& bucket, const Contact& contact,
                                                             Time now) {
  Entries& spares = bucket.replacements;
  const auto place = std::find_if(spares.begin(), spares.end(), [&](const auto& spare) {
    return spare->contact->position == contact.position;
  });
  if (place == spares.end()) return nullptr;
  std::unique_ptr<Entry> spare = std::move(*place);
  spares.erase(place);
  if (spare->contact->peer.addresses != contact.peer.addresses) return nullptr;
  *spare = {.contact = std::move(spare->contact),
            .networks = std::move(spare->networks),
            .bucket = spare->bucket,
            .part = spare->part,
            .since = now,
            .heard = now,
            .rtt = std::nullopt};
  return spare;
}

RoutingTable::Entry* RoutingTable::FindEntry(const PeerId& peer) const {
  const auto found = index_.find(peer);
  return found == index_.end() ? nullptr : found->second;
}

bool RoutingTable::HoldsMostOf(const Entries& entries, const Networks& networks) {
  return std::any_of(networks.narrow.begin(), networks.narrow.end(), [&](uint64_t network) {
    const auto is_of = [network](const std::unique_ptr<Entry>& entry) {
      const Networks::List& narrow = entry->networks.narrow;
      return std::binary_search(narrow.begin(), narrow.end(), network);
    };
    const auto count = std::count_if(entries.begin(), entries.end(), is_of);
    return static_cast<size_t>(count) >= kMostOfNetworkInBucket;
  });
}

size_t RoutingTable::MostOfOne(const Networks::List& networks) const {
  size_t most = 0;
  for (const uint64_t network : networks) {
    const auto in_table = networks_.find(network);
    if (in_table != networks_.end()) most = std::max(most, in_table->second);
  }
  return most;
}

bool RoutingTable::AllowsNetworks(const Bucket& bucket, const Entry& entry) const {
  const size_t most_of_wide = options_.most_of_wide;
  if (MostOfOne(entry.networks.narrow) >= kMostOfNetworkInTable) return false;
  if (most_of_wide > 0 && MostOfOne(entry.networks.wide) >= most_of_wide) return false;
  return !HoldsMostOf(bucket.entries, entry.networks);
}

bool RoutingTable::HasRoom(const Bucket& bucket, const Entry& entry) const {
  return bucket.entries.size() < options_.bucket_size && AllowsNetworks(bucket, entry);
}

RoutingTable::Entries::iterator RoutingTable::FindDisplaced(Bucket& bucket, const Entry& entry,
                                                            Time now) {
  if (!AllowsNetworks(bucket, entry)) return bucket.entries.end();
  const std::array<size_t, kParts> counts = CountParts(bucket.entries);
  const auto fullest = std::max_element(counts.begin(), counts.end());
  if (*fullest < counts[entry.part] + 2) return bucket.entries.end();
  auto latest = bucket.entries.end();
  for (auto it = bucket.entries.begin(); it != bucket.entries.end(); ++it) {
    const bool is_old = (*it)->kept || (*it)->since + kForming <= now;
    if (is_old || (*it)->part != fullest - counts.begin()) continue;
    if (latest == bucket.entries.end() || (*latest)->since <= (*it)->since) latest = it;
  }
  return latest;
}

// One network can neither fill the replacements nor flush others out.
void RoutingTable::Spare(Bucket& bucket, std::unique_ptr<Entry> entry) {
  Entries& spares = bucket.replacements;
  if (HoldsMostOf(spares, entry->networks)) return;
  if (spares.size() >= options_.bucket_size) spares.erase(spares.begin());
  spares.push_back(std::move(entry));
}

void RoutingTable::Insert(Bucket& bucket, std::unique_ptr<Entry> entry) {
  for (const uint64_t network : entry->networks.narrow) ++networks_[network];
  for (const uint64_t network : entry->networks.wide) ++networks_[network];
  index_[entry->contact->peer.id] = entry.get();
  bucket.positions.push_back(entry->contact->position);
  bucket.entries.push_back(std::move(entry));
  ++arrivals_;
}

std::unique_ptr<RoutingTable::Entry> RoutingTable::Extract(Bucket& bucket,
                                                           Entries::iterator place) {
  std::unique_ptr<Entry> entry = std::move(*place);
  bucket.positions.erase(bucket.positions.begin() + (place - bucket.entries.begin()));
  bucket.entries.erase(place);
  for (const auto* networks : {&entry->networks.narrow, &entry->networks.wide}) {
    for (const uint64_t network : *networks) {
      if (--networks_[network] == 0) networks_.erase(network);
    }
  }
  index_.erase(entry->contact->peer.id);
  return entry;
}

void RoutingTable::Hear(Entry& entry, Time now) {
  watched_ += now - entry.heard;
  entry.heard = now;
  if (watched_ <= kWatched) return;
  gone_ *= absl::FDivDuration(kWatched, watched_);
  watched_ = kWatched;
}

// The mean session is the time watched for each peer that went. Before anything was seen it is what
// makes `first_check` right, with the weight of one that went.
Duration RoutingTable::Period() const {
  const Duration session = (options_.first_check / (2 * kStaleShare) + watched_) / (1 + gone_);
  return std::clamp(2 * kStaleShare * session, options_.least_check, options_.most_check);
}

// The networks stay those it was admitted with: to move in by a later address would go round the
// limits.
void RoutingTable::Renew(Entry& entry, Contact contact) {
  if (Networks::Of(contact.peer.addresses, options_.diversity_all) != entry.networks) return;
  contact.body = PeerBody::Of(contact.peer);
  entry.contact = std::make_shared<Contact>(std::move(contact));
}

bool RoutingTable::Hear(const PeerInfo& peer, Time now) {
  MutexLock lock(mutex_);
  Entry* const entry = FindEntry(peer.id);
  if (entry == nullptr || entry->contact->peer.addresses != peer.addresses) return false;
  Hear(*entry, now);
  return true;
}

void RoutingTable::Keep(const PeerId& peer) {
  MutexLock lock(mutex_);
  if (Entry* const entry = FindEntry(peer); entry != nullptr) entry->kept = true;
}

bool RoutingTable::Offer(Contact contact, Time now) {
  if (contact.peer.addresses.empty() || contact.position == own_) return false;
  MutexLock lock(mutex_);
  if (Entry* const entry = FindEntry(contact.peer.id); entry != nullptr) {
    Hear(*entry, now);
    Renew(*entry, std::move(contact));
    return true;
  }
  const size_t index = CommonPrefix(own_, contact.position);
  if (buckets_.size() <= index) buckets_.resize(index + 1);
  Bucket& bucket = buckets_[index];
  std::unique_ptr<Entry> offered = TakeSpare(bucket, contact, now);
  if (offered == nullptr) offered = MakeEntry(std::move(contact), now);
  if (HasRoom(bucket, *offered)) {
    Insert(bucket, std::move(offered));
    return true;
  }
  const auto displaced = FindDisplaced(bucket, *offered, now);
  if (displaced == bucket.entries.end()) {
    Spare(bucket, std::move(offered));
    return false;
  }
  Spare(bucket, Extract(bucket, displaced));
  Insert(bucket, std::move(offered));
  return true;
}

void RoutingTable::Answered(const PeerId& peer, std::optional<Duration> took, Time now) {
  MutexLock lock(mutex_);
  Entry* entry = FindEntry(peer);
  if (entry == nullptr) return;
  Hear(*entry, now);
  entry->failures = 0;
  entry->doubted = false;
  if (!took) return;
  if (!entry->rtt) {
    entry->rtt = *took;
    entry->rtt_deviation = *took / 2;
    return;
  }
  const Duration error = *took - *entry->rtt;
  entry->rtt = *entry->rtt + error / 8;
  entry->rtt_deviation += (absl::AbsDuration(error) - entry->rtt_deviation) / 4;
}

void RoutingTable::Failed(const PeerId& peer) {
  MutexLock lock(mutex_);
  Entry* entry = FindEntry(peer);
  if (entry == nullptr) return;
  if (entry->failures == 0) ++gone_;
  if (++entry->failures >= kMostFailures) Drop(peer);
}

void RoutingTable::Doubt(const PeerId& peer) {
  MutexLock lock(mutex_);
  if (Entry* entry = FindEntry(peer); entry != nullptr) entry->doubted = true;
}

void RoutingTable::Remove(const PeerId& peer) {
  MutexLock lock(mutex_);
  Drop(peer);
  for (Bucket& bucket : buckets_) {
    std::erase_if(bucket.replacements, [&](const std::unique_ptr<Entry>& entry) {
      return entry->contact->peer.id == peer;
    });
  }
}

// The latest of those in the emptiest part: it was there a moment ago, and helps most.
RoutingTable::Entries::iterator RoutingTable::FindReplacement(Bucket& bucket) {
  const std::array<size_t, kParts> counts = CountParts(bucket.entries);
  auto best = bucket.replacements.end();
  for (auto it = bucket.replacements.begin(); it != bucket.replacements.end(); ++it) {
    if (!HasRoom(bucket, **it)) continue;
    const bool is_better =
        best == bucket.replacements.end() || counts[(*it)->part] <= counts[(*best)->part];
    if (is_better) best = it;
  }
  return best;
}

void RoutingTable::Drop(const PeerId& peer) {
  const Entry* const dropped = FindEntry(peer);
  if (dropped == nullptr) return;
  Bucket& bucket = buckets_[dropped->bucket];
  Extract(bucket, std::find_if(bucket.entries.begin(), bucket.entries.end(),
                               [&](const auto& entry) { return entry.get() == dropped; }));
  const auto replacement = FindReplacement(bucket);
  if (replacement == bucket.replacements.end()) return;
  std::unique_ptr<Entry> entry = std::move(*replacement);
  bucket.replacements.erase(replacement);
  Insert(bucket, std::move(entry));
}

void RoutingTable::TakeNearest(const Bucket& bucket, const Position& target, size_t n, bool good,
                               std::vector<ContactPtr>& closest) {
  absl::InlinedVector<std::pair<Position, const Entry*>, 20> order;
  for (size_t i = 0; i < bucket.entries.size(); ++i) {
    order.emplace_back(Distance(target, bucket.positions[i]), bucket.entries[i].get());
  }
  std::sort(order.begin(), order.end());
  for (const auto& [distance, entry] : order) {
    if (closest.size() == n) return;
    if (!good || entry->failures == 0) closest.push_back(entry->contact);
  }
}

// Whoever is in the bucket of a bit in which the target differs from us agrees with the target
// there, and is nearer to it than all in later buckets; whoever is in the bucket of another bit is
// farther than all in later ones. So the buckets need not be merged.
std::vector<ContactPtr> RoutingTable::Closest(const Position& target, size_t n, bool good) const {
  const Position differs = Distance(own_, target);
  MutexLock lock(mutex_);
  std::vector<ContactPtr> closest;
  closest.reserve(std::min(n, index_.size()));
  for (size_t i = 0; i < buckets_.size() && closest.size() < n; ++i) {
    if (differs.Bit(i)) TakeNearest(buckets_[i], target, n, good, closest);
  }
  for (size_t i = buckets_.size(); i-- > 0 && closest.size() < n;) {
    if (!differs.Bit(i)) TakeNearest(buckets_[i], target, n, good, closest);
  }
  return closest;
}

std::optional<PeerInfo> RoutingTable::Find(const PeerId& peer) const {
  MutexLock lock(mutex_);
  const Entry* entry = FindEntry(peer);
  if (entry == nullptr) return std::nullopt;
  return entry->contact->peer;
}

std::optional<Duration> RoutingTable::RttP90(const PeerId& peer) const {
  MutexLock lock(mutex_);
  const Entry* entry = FindEntry(peer);
  if (entry == nullptr || !entry->rtt) return std::nullopt;
  return *entry->rtt + 2 * entry->rtt_deviation;
}

std::vector<PeerInfo> RoutingTable::Doubtful(Time now) const {
  MutexLock lock(mutex_);
  const Time since = now - Period();
  std::vector<PeerInfo> doubtful;
  for (const Bucket& bucket : buckets_) {
    for (const std::unique_ptr<Entry>& entry : bucket.entries) {
      if (entry->failures > 0 || entry->doubted || entry->heard <= since) {
        doubtful.push_back(entry->contact->peer);
      }
    }
  }
  return doubtful;
}

bool RoutingTable::HasDoubts() const {
  MutexLock lock(mutex_);
  for (const Bucket& bucket : buckets_) {
    for (const std::unique_ptr<Entry>& entry : bucket.entries) {
      if (entry->failures > 0 || entry->doubted) return true;
    }
  }
  return false;
}

Time RoutingTable::NextCheck() const {
  MutexLock lock(mutex_);
  Time first = absl::InfiniteFuture();
  for (const Bucket& bucket : buckets_) {
    for (const std::unique_ptr<Entry>& entry : bucket.entries) {
      first = std::min(first, entry->heard);
    }
  }
  return first + Period();
}

Duration RoutingTable::CheckPeriod() const {
  MutexLock lock(mutex_);
  return Period();
}

uint64_t RoutingTable::arrivals() const {
  MutexLock lock(mutex_);
  return arrivals_;
}

bool RoutingTable::IsFull(size_t index) const {
  MutexLock lock(mutex_);
  return index < buckets_.size() && buckets_[index].entries.size() >= options_.bucket_size;
}

std::vector<PeerInfo> RoutingTable::Best(size_t most) const {
  MutexLock lock(mutex_);
  std::vector<const Entry*> entries;
  for (const Bucket& bucket : buckets_) {
    for (const std::unique_ptr<Entry>& entry : bucket.entries) {
      if (entry->failures == 0) entries.push_back(entry.get());
    }
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry* a, const Entry* b) { return a->since < b->since; });
  entries.resize(std::min(most, entries.size()));
  std::vector<PeerInfo> best;
  for (const Entry* entry : entries) best.push_back(entry->contact->peer);
  return best;
}

size_t RoutingTable::size() const {
  MutexLock lock(mutex_);
  return index_.size();
}

}  // namespace l2p::kademlia
