#ifndef L2P_KERNEL_NETWORK_CONNECTIONS_H_
#define L2P_KERNEL_NETWORK_CONNECTIONS_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernel/network/peer_book.h"
#include "kernel/network/peer_watchers.h"
#include "kernel/network/work_queue.h"
#include "l2p/transport.h"

namespace l2p {

// Connections owns the live connections, by peer, over all transports, and makes new ones: one
// dial per peer at a time, its addresses tried in the manner of happy eyeballs.
//
// [any thread] between Start of a transport and Stop. A connection owns no task; a dial owns one,
// and one for each address on trial.
class Connections final : public Inbound {
 public:
  static constexpr Duration kIdleLimit = absl::Seconds(60);
  static constexpr Duration kCrowdedIdleLimit = absl::Seconds(10);  // From 90 % of max_inbound on.
  static constexpr Duration kSurplusIdleLimit = absl::Seconds(10);  // For a second connection.
  static constexpr Duration kDialLimit = absl::Seconds(10);         // All addresses of a peer.
  static constexpr Duration kAddressLimit = absl::Seconds(5);       // One address.
  static constexpr Duration kHeadStart = absl::Milliseconds(250);   // Of an address over the next.
  static constexpr size_t kMostAddressesTried = 8;
  static constexpr size_t kMostDials = 32;
  static constexpr size_t kMostQueuedDials = 1024;
  static constexpr size_t kMostWaitersPerDial = 4096;
  static constexpr size_t kMostOutbound = 1000;
  static constexpr size_t kMostInboundPerAddress = 16;  // Public addresses; others are our own LAN.
  static constexpr size_t kMostConnectionsPerPeer = 8;

  // What the rest of the network does with events. As Inbound: no call may wait.
  struct Events {
    std::function<bool(std::string_view protocol)> accepts;
    std::function<void(const std::shared_ptr<Connection>&, std::string_view protocol,
                       std::unique_ptr<Stream>)>
        stream;
    std::function<void(const std::shared_ptr<Connection>&)> connected;  // Each connection.
  };

  // A standing connection, as shown to people.
  struct Standing {
    std::shared_ptr<Connection> connection;
    Time since;
    bool identified = false;
  };

  Connections(Runtime& runtime, const PeerId& self, PeerBook& book, PeerWatchers& watchers,
              size_t max_inbound, Events events);

  // Starts `transport`. RemoveTransport stops it and closes its connections.
  absl::Status AddTransport(std::shared_ptr<Transport> transport);
  void RemoveTransport(const std::shared_ptr<Transport>& transport);
  std::vector<std::shared_ptr<Transport>> transports();

  // The connection to use for `peer`, or nullptr. Of several both sides prefer the same one.
  std::shared_ptr<Connection> Find(const PeerId& peer);

  // Gets a connection to `to`, dialling if none stands. `done` is called once, from a task or
  // before Dial returns.
  using Done = std::function<void(absl::StatusOr<std::shared_ptr<Connection>>)>;
  void Dial(const PeerInfo& to, Done done);

  // Dial, and wait for the outcome.
  absl::StatusOr<std::shared_ptr<Connection>> Connect(const PeerInfo& to, Time deadline);
  // Dials whoever is at `address` (which has no /p2p).
  absl::StatusOr<std::shared_ptr<Connection>> ConnectAnyone(const Multiaddr& address,
                                                            Time deadline);

  // A peer said who it is: the watchers hear of it, unless its last connection has ended meanwhile.
  void SetIdentified(const PeerWatchers::Up& up);
  std::vector<PeerId> Identified();  // Sorted.
  std::unique_ptr<Registration> Watch(PeerWatcher watcher);

  std::vector<Standing> All();
  bool empty();  // No connection stands.

  // Whether anybody has connected to this node since it was started.
  bool was_dialled() const { return was_dialled_; }

  // Idle connections to `peer` are kept open until Unprotect.
  void Protect(const PeerId& peer);
  void Unprotect(const PeerId& peer);

  // Closes connections without streams that were idle for too long; call it every few seconds.
  void Sweep();

  void Drain();  // Refuses new connections from outside.
  void Stop();   // Ends dials, stops all transports.

  bool Accepts(std::string_view protocol) override;
  bool OnConnection(std::shared_ptr<Connection> connection) override;
  void OnStream(const std::shared_ptr<Connection>& connection, std::string_view protocol,
                std::unique_ptr<Stream> stream) override;
  void OnClosed(const std::shared_ptr<Connection>& connection, absl::Status why) override;

 private:
  struct Link {
    std::shared_ptr<Connection> connection;
    Time since;
    Time busy;  // When it last had a stream, as far as the sweep has seen.
  };
  struct Peer {
    std::vector<Link> links;  // The preferred one first.
    bool identified = false;
  };
  struct Attempts;

  bool MayAdopt(const Connection& connection) L2P_REQUIRES(mutex_);
  absl::Status Adopt(const std::shared_ptr<Connection>& connection);
  bool Preferred(const Connection& a, const Connection& b) const;
  void RunDial(const std::shared_ptr<Attempts>& dial);
  void StartAttempt(const std::shared_ptr<Attempts>& dial, const Multiaddr& address);
  void Attempt(const std::shared_ptr<Attempts>& dial, const Multiaddr& address);
  void EndDial(const std::shared_ptr<Attempts>& dial);
  absl::StatusOr<std::shared_ptr<Connection>> DialAddress(const Multiaddr& address,
                                                          const std::optional<PeerId>& expected,
                                                          Time deadline);
  std::vector<Multiaddr> Candidates(const PeerInfo& to);

  Runtime& runtime_;
  const PeerId self_;
  PeerBook& book_;
  PeerWatchers& watchers_;
  const size_t max_inbound_;
  const Events events_;

  std::atomic<bool> was_dialled_ = false;
  Mutex mutex_{"Connections"};
  bool draining_ L2P_GUARDED_BY(mutex_) = false;
  bool stopped_ L2P_GUARDED_BY(mutex_) = false;
  std::vector<std::shared_ptr<Transport>> transports_ L2P_GUARDED_BY(mutex_);
  std::map<PeerId, Peer> peers_ L2P_GUARDED_BY(mutex_);
  std::map<PeerId, std::shared_ptr<Attempts>> dials_ L2P_GUARDED_BY(mutex_);
  size_t inbound_ L2P_GUARDED_BY(mutex_) = 0;
  size_t outbound_ L2P_GUARDED_BY(mutex_) = 0;
  std::map<std::string, size_t> inbound_by_ip_ L2P_GUARDED_BY(mutex_);
  std::set<PeerId> protected_ L2P_GUARDED_BY(mutex_);
  // Dialled connections that ended before Dial returned them.
  std::vector<std::weak_ptr<Connection>> ended_early_ L2P_GUARDED_BY(mutex_);

  WorkQueue dialling_;
  TaskGroup attempts_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_CONNECTIONS_H_
