#include "kernel/network/peer_book.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernel/network/peer_book.pb.h"

namespace l2p {
namespace {

using Scope = Multiaddr::Scope;

constexpr char kTable[] = "kernel";
constexpr std::string_view kPrefix = "peer/";
constexpr size_t kScanRows = 1000;

std::string KeyOf(const PeerId& peer) { return absl::StrCat(av(kPrefix), peer.bytes()); }

bool IsNumericIp(const Multiaddr& address) {
  return address.Value("ip4").has_value() || address.Value("ip6").has_value();
}

int Distance(const Multiaddr& address) {
  switch (address.scope()) {
    case Scope::kLoopback:
      return 0;
    case Scope::kPrivate:
      return 1;
    case Scope::kPublic:
      return 2;
    case Scope::kOther:
      return 3;
  }
  return 3;
}

}  // namespace

bool UsableOver(const Multiaddr& remote, const Multiaddr& address) {
  const Scope scope = address.scope();
  if (scope == Scope::kOther) return !address.empty() && !IsNumericIp(address);
  switch (remote.scope()) {
    case Scope::kPublic:
      return scope == Scope::kPublic;
    case Scope::kPrivate:
      return scope != Scope::kLoopback;
    default:
      return true;
  }
}

PeerBook::Entry& PeerBook::Touch(const PeerId& peer, Time now, bool seen) {
  auto [it, is_new] = entries_.try_emplace(peer);
  Entry& entry = it->second;
  if (!is_new) by_use_.erase({entry.seen, entry.used, peer});
  entry.seen = entry.seen || seen;
  entry.used = now;
  if (is_new && entries_.size() > kMostPeers) {
    const PeerId forgotten = std::get<PeerId>(*by_use_.begin());
    by_use_.erase(by_use_.begin());
    if (entries_.at(forgotten).seen) unsaved_.insert(forgotten);
    failed_in_a_row_.erase(forgotten);
    entries_.erase(forgotten);
  }
  by_use_.insert({entry.seen, entry.used, peer});
  if (entry.seen) unsaved_.insert(peer);
  return entry;
}

void PeerBook::CapAddresses(Entry& entry) {
  auto worth = [](const std::pair<const Multiaddr, Address>& item) {
    const Address& address = item.second;
    return std::tuple(address.last_success, address.announced, -address.failures);
  };
  while (entry.addresses.size() > kMostAddresses) {
    entry.addresses.erase(
        std::min_element(entry.addresses.begin(), entry.addresses.end(),
                         [&](const auto& a, const auto& b) { return worth(a) < worth(b); }));
  }
}

void PeerBook::EndBackOff(Entry& entry) {
  for (auto& [_, address] : entry.addresses) {
    address.failures = 0;
    address.retry_after = absl::InfinitePast();
  }
}

void PeerBook::ReachedSomeone() {
  if (failed_in_a_row_.size() >= kCutOff) {
    for (const PeerId& peer : failed_in_a_row_) EndBackOff(entries_.at(peer));
  }
  failed_in_a_row_.clear();
}

void PeerBook::SetIdentified(const PeerId& peer, Identified said) {
  const Time now = runtime_.Now();
  if (said.protocols.size() > kMostProtocols) said.protocols.resize(kMostProtocols);
  if (said.agent.size() > kMostAgentBytes) said.agent.resize(kMostAgentBytes);
  MutexLock lock(mutex_);
  ReachedSomeone();
  Entry& entry = Touch(peer, now, /*seen=*/true);
  entry.protocols = std::move(said.protocols);
  entry.agent = std::move(said.agent);
  std::erase_if(entry.addresses,
                [](const auto& item) { return item.second.last_success == absl::InfinitePast(); });
  for (auto& [_, address] : entry.addresses) address.announced = false;
  if (said.addresses.size() > kMostAddresses) said.addresses.resize(kMostAddresses);
  for (const Multiaddr& address : said.addresses) entry.addresses[address].announced = true;
  CapAddresses(entry);
}

void PeerBook::Seen(const PeerId& peer) {
  const Time now = runtime_.Now();
  MutexLock lock(mutex_);
  EndBackOff(Touch(peer, now, /*seen=*/true));
}

void PeerBook::DialSucceeded(const PeerId& peer, const Multiaddr& address) {
  const Time now = runtime_.Now();
  MutexLock lock(mutex_);
  ReachedSomeone();
  Entry& entry = Touch(peer, now, /*seen=*/true);
  const bool announced = entry.addresses[address].announced;
  entry.addresses[address] = {.last_success = now, .announced = announced};
  CapAddresses(entry);
}

void PeerBook::DialFailed(const PeerId& peer, const Multiaddr& address, bool wrong_peer) {
  const Time now = runtime_.Now();
  MutexLock lock(mutex_);
  Entry& entry = Touch(peer, now, /*seen=*/false);
  Address& known = entry.addresses[address];
  const int doublings = std::min(known.failures++, 16);
  known.last_failure = wrong_peer ? absl::InfiniteFuture() : now;
  known.retry_after =
      now +
      (wrong_peer ? kLongestBackOff : std::min(kFirstBackOff * (1 << doublings), kLongestBackOff));
  if (wrong_peer) {
    known.last_success = absl::InfinitePast();
  } else {
    failed_in_a_row_.insert(peer);
  }
  CapAddresses(entry);
}

std::vector<Multiaddr> PeerBook::DialOrder(const PeerInfo& to, bool alone) {
  const Time now = runtime_.Now();
  MutexLock lock(mutex_);
  std::map<Multiaddr, Address> all;
  if (auto it = entries_.find(to.id); it != entries_.end()) all = it->second.addresses;
  for (const Multiaddr& address : to.addresses) all[address.WithoutPeer()];
  std::vector<std::tuple<Duration, int, Multiaddr>> order;
  for (const auto& [address, record] : all) {
    const bool is_soon = alone && now >= record.last_failure + kLongestAlone;
    if (record.retry_after > now && !is_soon) continue;
    const bool numeric_but_unusable = address.scope() == Scope::kOther && IsNumericIp(address);
    if (numeric_but_unusable || address.empty()) continue;
    order.emplace_back(now - record.last_success, Distance(address), address);
  }
  std::sort(order.begin(), order.end());
  std::vector<Multiaddr> addresses;
  for (auto& [_, distance, address] : order) addresses.push_back(std::move(address));
  return addresses;
}

std::optional<PeerBook::Identified> PeerBook::Find(const PeerId& peer) {
  MutexLock lock(mutex_);
  auto it = entries_.find(peer);
  if (it == entries_.end()) return std::nullopt;
  Identified found{{}, it->second.protocols, it->second.agent};
  for (const auto& [address, record] : it->second.addresses) {
    if (record.announced || record.last_success > absl::InfinitePast()) {
      found.addresses.push_back(address);
    }
  }
  return found;
}

size_t PeerBook::size() {
  MutexLock lock(mutex_);
  return entries_.size();
}

std::vector<PeerInfo> PeerBook::Known(size_t most) {
  MutexLock lock(mutex_);
  std::vector<PeerInfo> known;
  for (auto it = by_use_.rbegin(); it != by_use_.rend() && known.size() < most; ++it) {
    const auto& [seen, _, peer] = *it;
    if (!seen) break;
    PeerInfo info{peer, {}};
    for (const auto& [address, record] : entries_.at(peer).addresses) {
      info.addresses.push_back(address);
    }
    if (!info.addresses.empty()) known.push_back(std::move(info));
  }
  return known;
}

void PeerBook::AddRtt(const PeerId& peer, Duration rtt) {
  MutexLock lock(mutex_);
  auto it = entries_.find(peer);
  if (it == entries_.end()) return;
  it->second.rtts.push_back(rtt);
  if (it->second.rtts.size() > kRttSamples) it->second.rtts.pop_front();
}

std::optional<Duration> PeerBook::Rtt(const PeerId& peer, double quantile) {
  MutexLock lock(mutex_);
  auto it = entries_.find(peer);
  if (it == entries_.end() || it->second.rtts.empty()) return std::nullopt;
  std::vector<Duration> sorted(it->second.rtts.begin(), it->second.rtts.end());
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<size_t>(quantile * static_cast<double>(sorted.size() - 1) + 0.5)];
}

std::string PeerBook::Encode(const Entry& entry) {
  pb::BookEntry row;
  for (const auto& [multiaddr, record] : entry.addresses) {
    pb::BookEntry::Address& address = *row.add_addresses();
    address.set_multiaddr(multiaddr.bytes());
    if (record.last_success > absl::InfinitePast()) {
      address.set_last_success_ms(absl::ToUnixMillis(record.last_success));
    }
  }
  for (const std::string& protocol : entry.protocols) row.add_protocols(protocol);
  row.set_agent(entry.agent);
  row.set_last_seen_ms(absl::ToUnixMillis(entry.used));
  return row.SerializeAsString();
}

std::optional<PeerBook::Entry> PeerBook::Decode(const std::string& value) {
  pb::BookEntry row;
  if (!row.ParseFromString(value)) return std::nullopt;
  Entry entry;
  entry.seen = true;
  entry.used = absl::FromUnixMillis(row.last_seen_ms());
  entry.protocols.assign(row.protocols().begin(), row.protocols().end());
  entry.agent = row.agent();
  for (const pb::BookEntry::Address& address : row.addresses()) {
    absl::StatusOr<Multiaddr> multiaddr = Multiaddr::FromBinary(AsBytes(address.multiaddr()));
    if (!multiaddr.ok()) continue;
    Address& record = entry.addresses[*multiaddr];
    record.announced = true;
    if (address.has_last_success_ms()) {
      record.last_success = absl::FromUnixMillis(address.last_success_ms());
    }
  }
  CapAddresses(entry);
  return entry;
}

absl::Status PeerBook::Load() {
  L2P_ASSIGN_OR_RETURN(State * state, runtime_.OpenState(kTable));
  std::string after;
  for (;;) {
    L2P_ASSIGN_OR_RETURN(const std::vector<State::Row> rows,
                         state->Scan(kPrefix, after, kScanRows));
    if (rows.empty()) return absl::OkStatus();
    after = rows.back().key;
    MutexLock lock(mutex_);
    for (const State::Row& row : rows) {
      const absl::StatusOr<PeerId> peer =
          PeerId::FromBinary(AsBytes(std::string_view(row.key).substr(kPrefix.size())));
      std::optional<Entry> entry = Decode(row.value);
      if (!peer.ok() || !entry || entries_.size() >= kMostPeers) continue;
      by_use_.insert({true, entry->used, *peer});
      entries_[*peer] = *std::move(entry);
    }
  }
}

absl::Status PeerBook::Save() {
  L2P_ASSIGN_OR_RETURN(State * state, runtime_.OpenState(kTable));
  std::vector<State::Change> changes;
  std::set<PeerId> saving;
  {
    MutexLock lock(mutex_);
    saving.swap(unsaved_);
    for (const PeerId& peer : saving) {
      auto it = entries_.find(peer);
      std::optional<std::string> value;
      if (it != entries_.end() && it->second.seen) value = Encode(it->second);
      changes.push_back({KeyOf(peer), std::move(value)});
    }
  }
  if (changes.empty()) return absl::OkStatus();
  const absl::Status status = state->Commit(changes);
  if (status.ok()) return status;
  MutexLock lock(mutex_);
  unsaved_.insert(saving.begin(), saving.end());
  return WithContext(status, "save the peer book");
}

}  // namespace l2p
