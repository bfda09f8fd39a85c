// row   := "provider/" byte(size of key) key id -> value
// value := varint(expiry, Unix seconds) (varint(size) address)*
#include "provider_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "l2p/varint.h"

namespace l2p::kademlia {
namespace {

constexpr std::string_view kPrefix = "provider/";
constexpr size_t kRowsAtOnce = 1000;

std::string RowKey(const std::string& key, const PeerId& provider) {
  std::string row(kPrefix);
  row.push_back(static_cast<char>(key.size()));
  return row + key + provider.bytes();
}

std::optional<std::pair<std::string, PeerId>> ParseRowKey(std::string_view row) {
  row.remove_prefix(kPrefix.size());
  if (row.empty()) return std::nullopt;
  const size_t size = static_cast<uint8_t>(row[0]);
  row.remove_prefix(1);
  if (size > ProviderStore::kMaxKey || row.size() < size) return std::nullopt;
  absl::StatusOr<PeerId> provider = PeerId::FromBinary(AsBytes(row.substr(size)));
  if (!provider.ok()) return std::nullopt;
  return std::pair(std::string(row.substr(0, size)), *std::move(provider));
}

std::string RowValue(Time expires, const std::vector<Multiaddr>& addresses) {
  std::string value;
  AppendVarint(static_cast<uint64_t>(absl::ToUnixSeconds(expires)), value);
  for (const Multiaddr& address : addresses) {
    AppendVarint(address.bytes().size(), value);
    value += address.bytes();
  }
  return value;
}

// Infinite past for a value that is not one.
std::pair<Time, std::vector<Multiaddr>> ParseRowValue(std::string_view value) {
  ByteView in = AsBytes(value);
  const std::optional<uint64_t> expires = TakeVarint(in);
  std::vector<Multiaddr> addresses;
  while (expires && !in.empty()) {
    const std::optional<uint64_t> size = TakeVarint(in);
    if (!size || *size > in.size()) return {absl::InfinitePast(), {}};
    absl::StatusOr<Multiaddr> address = Multiaddr::FromBinary(in.first(*size));
    if (!address.ok()) return {absl::InfinitePast(), {}};
    addresses.push_back(*std::move(address));
    in = in.subspan(*size);
  }
  if (!expires) return {absl::InfinitePast(), {}};
  return {absl::FromUnixSeconds(static_cast<int64_t>(*expires)), std::move(addresses)};
}

}  // namespace

absl::Status ProviderStore::Load(Time now) {
  std::string after;
  for (;;) {
    L2P_ASSIGN_OR_RETURN(const std::vector<State::Row> rows,
                         state_.Scan(kPrefix, after, kRowsAtOnce));
    std::vector<State::Change> useless;
    for (const State::Row& row : rows) {
      const std::optional<RecordId> id = ParseRowKey(row.key);
      auto [expires, addresses] = ParseRowValue(row.value);
      MutexLock lock(mutex_);
      if (!id || expires <= now || IsFull(id->first, id->second)) {
        useless.push_back({row.key, std::nullopt});
      } else {
        Insert(id->first, {id->second, std::move(addresses)}, expires);
      }
    }
    if (!useless.empty()) L2P_RETURN_IF_ERROR(state_.Commit(useless));
    if (rows.size() < kRowsAtOnce) return absl::OkStatus();
    after = rows.back().key;
  }
}

bool ProviderStore::IsFull(const std::string& key, const PeerId& provider) const {
  const auto of_key = records_.find(key);
  if (of_key != records_.end() && of_key->second.size() >= options_.most_of_key) return true;
  const auto sender = senders_.find(provider);
  const size_t sent = sender == senders_.end() ? 0 : sender->second.records;
  return size_ >= options_.most || sent >= std::max<size_t>(options_.most / 4, 1);
}

ProviderStore::Record* ProviderStore::Find(const std::string& key, const PeerId& provider) {
  const auto of_key = records_.find(key);
  if (of_key == records_.end()) return nullptr;
  for (Record& record : of_key->second) {
    if (record.sender->first == provider) return &record;
  }
  return nullptr;
}

ProviderStore::Senders::iterator ProviderStore::Hear(const PeerInfo& provider, Time expires) {
  const auto sender = senders_.try_emplace(provider.id).first;
  if (expires >= sender->second.heard) {
    sender->second.heard = expires;
    sender->second.addresses = provider.addresses;
  }
  return sender;
}

void ProviderStore::Insert(const std::string& key, const PeerInfo& provider, Time expires) {
  const auto sender = Hear(provider, expires);
  records_[key].push_back({sender, expires});
  ++sender->second.records;
  ++size_;
}

absl::Status ProviderStore::Add(const std::string& key, const PeerInfo& provider, Time now) {
  const Time expires = now + options_.lifetime;
  MutexLock lock(mutex_);
  if (Record* const known = Find(key, provider.id); known != nullptr) {
    Hear(provider, expires);
    known->expires = expires;
  } else if (IsFull(key, provider.id)) {
    return absl::ResourceExhaustedError(
        absl::StrCat("provider records: no room for one of ", provider.id.ToString()));
  } else {
    Insert(key, provider, expires);
  }
  changed_.emplace(key, provider.id);
  return absl::OkStatus();
}

std::vector<PeerInfo> ProviderStore::Get(const std::string& key, uint64_t first, size_t most,
                                         Time now) const {
  std::vector<PeerInfo> providers;
  MutexLock lock(mutex_);
  const auto of_key = records_.find(key);
  if (of_key == records_.end()) return providers;
  std::vector<const Record*> live;
  for (const Record& record : of_key->second) {
    if (record.expires > now) live.push_back(&record);
  }
  for (size_t i = 0; i < std::min(most, live.size()); ++i) {
    const auto& [id, sender] = *live[(first % live.size() + i) % live.size()]->sender;
    providers.push_back({id, sender.addresses});
  }
  return providers;
}

void ProviderStore::DropExpired(Time now) {
  for (auto of_key = records_.begin(); of_key != records_.end();) {
    auto& [key, records] = *of_key;
    auto kept = records.begin();
    for (const Record& record : records) {
      if (record.expires > now) {
        *kept++ = record;
      } else {
        Forget(key, record);
      }
    }
    records.erase(kept, records.end());
    of_key = records.empty() ? records_.erase(of_key) : std::next(of_key);
  }
}

void ProviderStore::Forget(const std::string& key, const Record& record) {
  changed_.emplace(key, record.sender->first);
  --size_;
  if (--record.sender->second.records == 0) senders_.erase(record.sender);
}

std::vector<State::Change> ProviderStore::TakeChanges(size_t most) {
  std::vector<State::Change> changes;
  MutexLock lock(mutex_);
  while (!changed_.empty() && changes.size() < most) {
    const RecordId id = *changed_.begin();
    changed_.erase(changed_.begin());
    State::Change change{RowKey(id.first, id.second), std::nullopt};
    if (const Record* const record = Find(id.first, id.second); record != nullptr) {
      change.value = RowValue(record->expires, record->sender->second.addresses);
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

absl::Status ProviderStore::Flush(Time now) {
  {
    MutexLock lock(mutex_);
    DropExpired(now);
  }
  for (;;) {
    const std::vector<State::Change> changes = TakeChanges(kRowsAtOnce);
    if (changes.empty()) return absl::OkStatus();
    // What a failed commit loses is announced again within a day.
    L2P_RETURN_IF_ERROR(state_.Commit(changes));
  }
}

size_t ProviderStore::size() const {
  MutexLock lock(mutex_);
  return size_;
}

}  // namespace l2p::kademlia
