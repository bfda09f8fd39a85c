#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_SWARM_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_SWARM_H_

#include <array>
#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "l2p/host.h"
#include "l2p/messenger.h"
#include "routing_table.h"

namespace l2p::kademlia {

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

  // As a PeerWatcher reports. `Up` is true if the table has `peer` now and was empty before.
  bool Up(const PeerInfo& peer, const std::vector<std::string>& protocols);
  void Down(const PeerId& peer);

  // The outcomes of requests. An answer proves that the peer serves the protocol.
  void Answered(const PeerInfo& peer, Duration took, bool dialled);
  void Failed(const PeerId& peer) { table_.Failed(peer); }

  // A lookup has ended; its nearest peer that answered was `hops` answers away.
  void LookedUp(size_t hops);

  // How long nine in ten answers of `peer` take at most: from its own past, else from everybody's.
  Duration Patience(const PeerId& peer) const;

  // Whom to begin a lookup with: the nearest of the table, filled up with seeds.
  std::vector<PeerInfo> Beginning(const Position& target, size_t n) const;

  // Where `peer` is, if it is in the table or connected, be it a client.
  std::optional<PeerInfo> Find(const PeerId& peer) const;

  // A key that is `depth` bits from us: whose position has just so many first bits in common.
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
  // The latest times of one kind, and what nine in ten of them kept to.
  struct Times {
    std::array<Duration, 64> ring;
    size_t count = 0;
    Duration p90;

    void Add(Duration took);
  };

  Host& host_;
  Messenger& messenger_;
  const SwarmOptions options_;
  const PeerId self_;
  RoutingTable table_;
  std::atomic<bool> stopping_ = false;
  Metric& lookups_;
  Metric& lookup_hops_;
  Metric& multi_hop_lookups_;

  mutable Mutex mutex_{"Swarm"};
  std::map<PeerId, PeerInfo> connected_ L2P_GUARDED_BY(mutex_);
  std::vector<PeerInfo> seeds_ L2P_GUARDED_BY(mutex_);
  Times standing_ L2P_GUARDED_BY(mutex_);  // Of answers over a standing connection,
  Times dialled_ L2P_GUARDED_BY(mutex_);   // and over one that was dialled for the request.
};

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_SWARM_H_
