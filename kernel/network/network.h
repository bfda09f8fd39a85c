#ifndef L2P_KERNEL_NETWORK_NETWORK_H_
#define L2P_KERNEL_NETWORK_NETWORK_H_

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/network/connections.h"
#include "kernel/network/ending_streams.h"
#include "kernel/network/identify.h"
#include "kernel/network/messenger.h"
#include "kernel/network/peer_book.h"
#include "kernel/network/peer_watchers.h"
#include "kernel/network/served_protocols.h"
#include "l2p/crypto.h"

namespace l2p {

// The Network is a node's side of its swarm: transports, connections, the peer book, identify and
// ping, and messengers for those who use them.
//
// [any thread] between Start and Stop, which are called once each, by one task. Transports call in
// on their I/O threads, where nothing waits: requests are assembled and answers sent by readiness
// callbacks, and only handlers, dials, watchers and checks of signatures run as tasks. Locks are
// taken in the order Connections, PeerWatchers, PeerBook; none is held over a call to a transport,
// a stream or the Runtime.
class Network {
 public:
  struct Options {
    size_t max_inbound = 1000;        // Connections that others dialled.
    std::vector<Multiaddr> announce{};  // Instead of the addresses listened on, if any.
  };

  static constexpr std::string_view kPingProtocol = "/ipfs/ping/1.0.0";
  static constexpr Duration kSweepPeriod = absl::Seconds(5);
  static constexpr Duration kSavePeriod = absl::Seconds(45);

  // What is lent outlives the Network.
  Network(Runtime& runtime, const Identity& identity, const Crypto& crypto, Options options);
  ~Network();  // Stops.

  // Loads the peer book; serves identify and ping.
  absl::Status Start();

  // Starts `transport`; it dials and may be listened on from now on, until it is removed (its
  // connections are closed then) or the Network stops.
  absl::Status AddTransport(std::shared_ptr<Transport> transport);
  void RemoveTransport(const std::shared_ptr<Transport>& transport);

  // Listens on `address` by the transport that can: tried in the order they were added. Returns
  // where one can dial it.
  absl::StatusOr<std::vector<Multiaddr>> Listen(const Multiaddr& address);

  // Accepts no new connections; what stands goes on.
  void Drain() { connections_.Drain(); }
  // Ends everything and saves the peer book. Messengers and Registrations may outlive it.
  void Stop();

  // One for each plugin instance or part of the kernel; it must not outlive the Network.
  std::unique_ptr<Messenger> NewMessenger();

  // A connection to whoever is at `address`, or to the peer it names with /p2p.
  absl::StatusOr<PeerId> Connect(const Multiaddr& address, Time deadline);
  absl::Status Connect(const PeerInfo& peer, Time deadline);

  // One round trip, measured; dials if need be.
  absl::StatusOr<Duration> Ping(const PeerInfo& to, Time deadline);

  // Of the latest round trips to `peer` (calls and pings); nullopt before the first.
  std::optional<Duration> RttP50(const PeerId& peer) { return book_.Rtt(peer, 0.5); }
  std::optional<Duration> RttP90(const PeerId& peer) { return book_.Rtt(peer, 0.9); }

  // This node's id and the addresses it announces.
  PeerInfo Self();
  // Peers to try after a restart, the latest seen first.
  std::vector<PeerInfo> Known(size_t most) { return book_.Known(most); }
  // Whether anybody has connected to this node since it was started.
  bool was_dialled() const { return connections_.was_dialled(); }
  // Addresses that connected peers see this node at, and how many each.
  std::map<Multiaddr, size_t> Observed() { return identify_.Observed(); }

  // Connections to a protected peer are not closed when idle.
  void Protect(const PeerId& peer) { connections_.Protect(peer); }
  void Unprotect(const PeerId& peer) { connections_.Unprotect(peer); }

  // One standing connection, as the admin page shows it.
  struct PeerStatus {
    PeerId id;
    Multiaddr remote;
    bool outbound = false;
    bool identified = false;
    Time since;
    size_t streams = 0;
    std::vector<Multiaddr> addresses;
    std::vector<std::string> protocols;
    std::string agent;
    std::optional<Duration> rtt;  // Median.
  };
  std::vector<PeerStatus> Peers();  // Sorted by id.
  bool is_alone() { return connections_.empty(); }

 private:
  void Sweep();

  Runtime& runtime_;
  const Identity& identity_;
  const Options options_;
  PeerBook book_;
  PeerWatchers watchers_;
  EndingStreams ending_;
  ServedProtocols protocols_;
  Connections connections_;
  Identify identify_;

  Mutex mutex_{"Network"};
  bool stopped_ L2P_GUARDED_BY(mutex_) = false;
  std::map<const Transport*, std::vector<Multiaddr>> listening_ L2P_GUARDED_BY(mutex_);

  std::unique_ptr<Registration> ping_;
  std::unique_ptr<Registration> sweep_timer_;
  std::unique_ptr<Registration> save_timer_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_NETWORK_H_
