#include "routing_table.h"

#include <algorithm>

namespace l2p::kademlia {
namespace {

constexpr uint8_t kIp4Code = 4;
constexpr uint8_t kIp6Code = 41;

// The first bytes of an address in binary form that tell its network from others.
std::string NetworkOf(const Multiaddr& address) {
  const std::string& bytes = address.bytes();
  if (bytes[0] == kIp4Code) return bytes.substr(0, 1 + 3);
  if (bytes[0] == kIp6Code) return bytes.substr(0, 1 + 6);
  return "";
}

}  // namespace

std::vector<std::string> RoutingTable::NetworksOf(const PeerInfo& peer) const {
  std::vector<std::string> networks;
  for (const Multiaddr& address : peer.addresses) {
    if (!options_.diversity_all && address.scope() != Multiaddr::Scope::kPublic) continue;
    if (std::string network = NetworkOf(address); !network.empty()) {
      networks.push_back(std::move(network));
    }
  }
  std::sort(networks.begin(), networks.end());
  networks.erase(std::unique(networks.begin(), networks.end()), networks.end());
  return networks;
}

RoutingTable::Entry* RoutingTable::FindEntry(const PeerId& peer) {
  const auto found = index_.find(peer);
  if (found == index_.end()) return nullptr;
  for (Entry& entry : buckets_[found->second].entries) {
    if (entry.contact.peer.id == peer) return &entry;
  }
  return nullptr;
}

const RoutingTable::Entry* RoutingTable::FindEntry(const PeerId& peer) const {
  return const_cast<RoutingTable*>(this)->FindEntry(peer);
}

size_t RoutingTable::CountOf(const std::vector<Entry>& entries, const std::string& network) {
  return static_cast<size_t>(std::count_if(entries.begin(), entries.end(), [&](const Entry& entry) {
    return std::binary_search(entry.networks.begin(), entry.networks.end(), network);
  }));
}

bool RoutingTable::HasRoom(const Bucket& bucket, const Entry& entry) const {
  if (bucket.entries.size() >= options_.bucket_size) return false;
  for (const std::string& network : entry.networks) {
    const auto in_table = networks_.find(network);
    if (in_table == networks_.end()) continue;
    if (in_table->second >= kMostOfNetworkInTable) return false;
    if (CountOf(bucket.entries, network) >= kMostOfNetworkInBucket) return false;
  }
  return true;
}

// One network can neither fill the replacements nor flush others out.
void RoutingTable::Spare(Bucket& bucket, Entry entry) {
  std::vector<Entry>& spares = bucket.replacements;
  for (const std::string& network : entry.networks) {
    if (CountOf(spares, network) >= kMostOfNetworkInBucket) return;
  }
  if (spares.size() >= options_.bucket_size) spares.erase(spares.begin());
  spares.push_back(std::move(entry));
}

void RoutingTable::Insert(size_t index, Entry entry) {
  for (const std::string& network : entry.networks) ++networks_[network];
  index_[entry.contact.peer.id] = index;
  buckets_[index].entries.push_back(std::move(entry));
  ++arrivals_;
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
void RoutingTable::Renew(Entry& entry, const PeerInfo& peer) {
  if (NetworksOf(peer) == entry.networks) entry.contact.peer.addresses = peer.addresses;
}

bool RoutingTable::Offer(const Contact& contact, Time now) {
  if (contact.peer.addresses.empty() || contact.position == own_) return false;
  Entry offered{.contact = contact,
                .networks = NetworksOf(contact.peer),
                .since = now,
                .heard = now,
                .failures = 0,
                .rtt = std::nullopt,
                .rtt_deviation = absl::ZeroDuration()};
  const size_t index = CommonPrefix(own_, contact.position);
  MutexLock lock(mutex_);
  if (Entry* entry = FindEntry(contact.peer.id); entry != nullptr) {
    Renew(*entry, contact.peer);
    Hear(*entry, now);
    return true;
  }
  Bucket& bucket = buckets_[index];
  std::erase_if(bucket.replacements,
                [&](const Entry& e) { return e.contact.peer.id == contact.peer.id; });
  if (HasRoom(bucket, offered)) {
    Insert(index, std::move(offered));
    return true;
  }
  Spare(bucket, std::move(offered));
  return false;
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
  for (auto& [index, bucket] : buckets_) {
    std::erase_if(bucket.replacements,
                  [&](const Entry& entry) { return entry.contact.peer.id == peer; });
  }
}

void RoutingTable::Drop(const PeerId& peer) {
  const auto found = index_.find(peer);
  if (found == index_.end()) return;
  const size_t index = found->second;
  Bucket& bucket = buckets_[index];
  const auto entry = std::find_if(bucket.entries.begin(), bucket.entries.end(),
                                  [&](const Entry& e) { return e.contact.peer.id == peer; });
  for (const std::string& network : entry->networks) {
    if (--networks_[network] == 0) networks_.erase(network);
  }
  bucket.entries.erase(entry);
  index_.erase(found);
  for (size_t i = bucket.replacements.size(); i-- > 0;) {
    if (!HasRoom(bucket, bucket.replacements[i])) continue;
    Entry replacement = std::move(bucket.replacements[i]);
    bucket.replacements.erase(bucket.replacements.begin() + static_cast<ptrdiff_t>(i));
    Insert(index, std::move(replacement));
    return;
  }
}

std::vector<Contact> RoutingTable::Closest(const Position& target, size_t n, bool good) const {
  MutexLock lock(mutex_);
  std::vector<std::pair<Position, const Contact*>> found;
  found.reserve(index_.size());
  for (const auto& [index, bucket] : buckets_) {
    for (const Entry& entry : bucket.entries) {
      if (good && entry.failures > 0) continue;
      found.emplace_back(Distance(target, entry.contact.position), &entry.contact);
    }
  }
  n = std::min(n, found.size());
  const auto nearer = [](const auto& a, const auto& b) { return a.first < b.first; };
  const auto end = found.begin() + static_cast<ptrdiff_t>(n);
  if (end != found.end()) std::nth_element(found.begin(), end, found.end(), nearer);
  std::sort(found.begin(), end, nearer);
  std::vector<Contact> closest;
  closest.reserve(n);
  for (size_t i = 0; i < n; ++i) closest.push_back(*found[i].second);
  return closest;
}

std::optional<PeerInfo> RoutingTable::Find(const PeerId& peer) const {
  MutexLock lock(mutex_);
  const Entry* entry = FindEntry(peer);
  if (entry == nullptr) return std::nullopt;
  return entry->contact.peer;
}

std::optional<Duration> RoutingTable::RttP90(const PeerId& peer) const {
  MutexLock lock(mutex_);
  const Entry* entry = FindEntry(peer);
  if (entry == nullptr || !entry->rtt) return std::nullopt;
  return *entry->rtt + 2 * entry->rtt_deviation;
}

std::vector<Contact> RoutingTable::Doubtful(Time now) const {
  MutexLock lock(mutex_);
  const Time since = now - Period();
  std::vector<Contact> doubtful;
  for (const auto& [index, bucket] : buckets_) {
    for (const Entry& entry : bucket.entries) {
      if (entry.failures > 0 || entry.doubted || entry.heard <= since) {
        doubtful.push_back(entry.contact);
      }
    }
  }
  return doubtful;
}

bool RoutingTable::HasDoubts() const {
  MutexLock lock(mutex_);
  for (const auto& [index, bucket] : buckets_) {
    for (const Entry& entry : bucket.entries) {
      if (entry.failures > 0 || entry.doubted) return true;
    }
  }
  return false;
}

Time RoutingTable::NextCheck() const {
  MutexLock lock(mutex_);
  Time next = absl::InfiniteFuture();
  for (const auto& [index, bucket] : buckets_) {
    for (const Entry& entry : bucket.entries) next = std::min(next, entry.heard + Period());
  }
  return next;
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
  const auto bucket = buckets_.find(index);
  return bucket != buckets_.end() && bucket->second.entries.size() >= options_.bucket_size;
}

std::vector<PeerInfo> RoutingTable::Best(size_t most) const {
  MutexLock lock(mutex_);
  std::vector<const Entry*> entries;
  for (const auto& [index, bucket] : buckets_) {
    for (const Entry& entry : bucket.entries) {
      if (entry.failures == 0) entries.push_back(&entry);
    }
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry* a, const Entry* b) { return a->since < b->since; });
  entries.resize(std::min(most, entries.size()));
  std::vector<PeerInfo> best;
  for (const Entry* entry : entries) best.push_back(entry->contact.peer);
  return best;
}

size_t RoutingTable::size() const {
  MutexLock lock(mutex_);
  return index_.size();
}

}  // namespace l2p::kademlia
