#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_SWARM_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_SWARM_H_

#include <array>
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "l2p/host.h"
#include "l2p/messenger.h"
#include "network_size.h"
#include "routing_table.h"

namespace l2p::kademlia {

// How long nine in ten answers of peers in general take at most.
struct UsualTimes {
  Duration standing;     // Over a standing connection.
  Duration unconnected;  // From peers that are not known to be connected.
};

// How long to wait for one peer. By its own past over a standing connection, if it has one.
struct Patience {
  struct Limits {
    Duration late;      // Nine in ten answers have come by then;
    Duration given_up;  // hardly any comes after that,
    Duration hopeless;  // and next to none after that.
  };

  std::optional<Duration> own;
  bool is_connected = false;

  Limits With(const UsualTimes& usual) const;
};

// What lookups took, as metrics.
struct LookupMetrics {
  explicit LookupMetrics(Metrics& metrics);

  Metric& lookups;
  Metric& requests;
  Metric& hops;
  Metric& far;  // Lookups of more than one hop.
  Metric& crowded;
};

struct Findings;

struct SwarmOptions {
  std::string protocol;
  RoutingTable::Options table;
  size_t alpha = 10;
  Duration request_timeout = absl::Seconds(10);
};

// A Swarm is what this node knows of the peers that speak one kad-dht protocol: its table, who is
// connected, how fast answers come. [any thread]
class Swarm {
 public:
  static constexpr size_t kMostConnected = 4096;
  static constexpr size_t kMostSeeds = 500;

  // `host` and `messenger` are lent.
  Swarm(Host& host, Messenger& messenger, SwarmOptions options);

  // Peers to ask while the table is too small.
  void SetSeeds(std::vector<PeerInfo> seeds);
  std::vector<PeerInfo> Seeds() const;

  ContactPtr ContactOf(PeerInfo peer) const;

  // As a PeerWatcher reports. `Up` is true if the table has `peer` now and was empty before.
  bool Up(const PeerInfo& peer, const std::vector<std::string>& protocols);
  void Down(const PeerId& peer);

  // The outcomes of requests. An answer proves that the peer serves the protocol.
  void Answered(const PeerInfo& peer, Duration took, bool dialled);
  void Failed(const PeerId& peer);
  // It was not waited for: whether it is gone is to be found out.
  void Doubt(const PeerId& peer);
  // Called, any number of times, when there are peers to check on; before the first lookup.
  void WhenInDoubt(std::function<void()> call) { when_in_doubt_ = std::move(call); }

  Patience PatienceWith(const PeerId& peer) const;
  UsualTimes Usual() const;

  // A lookup has ended.
  void Finished(const Findings& findings);
  // Whether the `nearest` of a key, as distances from it, are so near that somebody put them there;
  // tells the operator if so.
  bool IsCrowded(std::string_view key, std::span<const Position> nearest);
  NetworkSize& network_size() { return network_size_; }

  // Whom to begin a lookup with: the nearest of the table, filled up with seeds.
  std::vector<ContactPtr> Beginning(const Position& target, size_t n) const;

  // Where `peer` is, if it is in the table or connected, be it a client.
  std::optional<PeerInfo> Find(const PeerId& peer) const;

  // A random key whose position has its first `bits` bits (at most kMostKeyBits) in common with
  // `position`. Takes 2^bits hashes.
  std::string KeyNear(const Position& position, size_t bits);
  static constexpr size_t kMostKeyBits = 16;

  // A random key of the bucket of those who have `depth` bits in common with us.
  std::string RandomKey(size_t depth);

  Position PositionOf(ByteView key) const { return kademlia::PositionOf(host_.crypto(), key); }

  Host& host() const { return host_; }
  Messenger& messenger() const { return messenger_; }
  RoutingTable& table() { return table_; }
  const RoutingTable& table() const { return table_; }
  const PeerId& self() const { return self_; }
  const SwarmOptions& options() const { return options_; }

  // Ends what runs on this swarm.
  void Stop() { stopping_ = true; }
  bool stopping() const { return stopping_; }

 private:
  // Knows `peer` better for having heard of it. True if the table has it now.
  bool Meet(const PeerInfo& peer, Time now);

  // Of peers that we did not know to be connected, so many are remembered whether they had to be
  // dialled.
  static constexpr int kRecentDials = 8;

  // The latest times of one kind, and what about nine in ten of them kept to.
  struct Times {
    std::array<Duration, 128> ring;
    size_t count = 0;
    Duration p90;

    void Add(Duration took);
  };

  Host& host_;
  Messenger& messenger_;
  const SwarmOptions options_;
  const PeerId self_;
  RoutingTable table_;
  NetworkSize network_size_;
  const LookupMetrics metrics_;
  std::function<void()> when_in_doubt_;
  std::atomic<bool> stopping_ = false;

  mutable Mutex mutex_{"Swarm"};
  absl::flat_hash_map<PeerId, PeerInfo> connected_ L2P_GUARDED_BY(mutex_);
  Time last_alarm_ L2P_GUARDED_BY(mutex_) = absl::InfinitePast();
  std::vector<PeerInfo> seeds_ L2P_GUARDED_BY(mutex_);
  Times standing_ L2P_GUARDED_BY(mutex_);         // Of answers over a standing connection,
  Times dialled_ L2P_GUARDED_BY(mutex_);          // and over one that was dialled for the request.
  uint8_t undialled_ L2P_GUARDED_BY(mutex_) = 0;  // A bit for each of the kRecentDials latest.
};

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_SWARM_H_
