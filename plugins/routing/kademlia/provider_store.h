#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_PROVIDER_STORE_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_PROVIDER_STORE_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "l2p/event.h"
#include "l2p/multiaddr.h"
#include "l2p/mutex.h"
#include "l2p/state.h"

namespace l2p::kademlia {

// A ProviderStore keeps what other peers announced: who provides which key, until when. Records
// survive a restart once they were flushed. [any thread]
class ProviderStore {
 public:
  struct Options {
    Duration lifetime = absl::Hours(48);
    size_t most_of_key = 1000;
    // In all; of one sender a quarter of it. If everybody holds 10,000 keys and tells twenty of
    // each, these are 200,000 for everybody in the mean, and twice that for few.
    size_t most = 400'000;
  };

  // `state` is lent.
  ProviderStore(State& state, Options options) : state_(state), options_(options) {}

  // Reads back what was flushed and has not expired.
  absl::Status Load(Time now);

  // Keeps `provider` under `key` until a lifetime from now; announcing again renews it. Its
  // addresses are from now on those of all its records. ResourceExhausted at a cap. REQUIRES: the
  // key has at most kMaxKey bytes.
  absl::Status Add(const std::string& key, const PeerInfo& provider, Time now);
  static constexpr size_t kMaxKey = 80;

  // Up to `most` providers of `key`, beginning at number `first` modulo their count.
  std::vector<PeerInfo> Get(const std::string& key, uint64_t first, size_t most, Time now) const;

  // Drops what has expired and writes what changed since. One task at a time.
  absl::Status Flush(Time now);

  size_t size() const;

 private:
  // There are many records of few senders: what a sender's records have in common is kept once.
  struct Sender {
    std::vector<Multiaddr> addresses;
    Time heard = absl::InfinitePast();  // The latest expiry of its records.
    size_t records = 0;
  };
  using Senders = std::map<PeerId, Sender>;
  struct Record {
    Senders::iterator sender;
    Time expires;
  };
  using RecordId = std::pair<std::string, PeerId>;

  Record* Find(const std::string& key, const PeerId& provider) L2P_REQUIRES(mutex_);
  bool IsFull(const std::string& key, const PeerId& provider) const L2P_REQUIRES(mutex_);
  // The sender of a record that expires then; takes over its addresses if they are the latest.
  Senders::iterator Hear(const PeerInfo& provider, Time expires) L2P_REQUIRES(mutex_);
  // REQUIRES: there is no such record.
  void Insert(const std::string& key, const PeerInfo& provider, Time expires) L2P_REQUIRES(mutex_);
  void Forget(const std::string& key, const Record& record) L2P_REQUIRES(mutex_);
  void DropExpired(Time now) L2P_REQUIRES(mutex_);
  std::vector<State::Change> TakeChanges(size_t most) L2P_EXCLUDES(mutex_);

  State& state_;
  const Options options_;
  mutable Mutex mutex_{"ProviderStore"};
  Senders senders_ L2P_GUARDED_BY(mutex_);
  std::map<std::string, std::vector<Record>> records_ L2P_GUARDED_BY(mutex_);
  size_t size_ L2P_GUARDED_BY(mutex_) = 0;
  std::set<RecordId> changed_ L2P_GUARDED_BY(mutex_);  // Since the last Flush, expired included.
};

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_PROVIDER_STORE_H_
