#ifndef L2P_KERNEL_NETWORK_IDENTIFY_H_
#define L2P_KERNEL_NETWORK_IDENTIFY_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

#include "kernel/network/connections.h"
#include "kernel/network/ending_streams.h"
#include "kernel/network/identify.pb.h"
#include "kernel/network/served_protocols.h"
#include "kernel/network/signed_peer_record.h"
#include "l2p/crypto.h"

namespace l2p {

// Identify exchanges who we are with each connected peer: it asks on each new connection, answers,
// and pushes when our protocols or addresses have changed. What a peer says goes to the peer book
// and to the watchers; a peer that lies about its key is disconnected. [any thread]
class Identify {
 public:
  static constexpr std::string_view kProtocol = "/ipfs/id/1.0.0";
  static constexpr std::string_view kPushProtocol = "/ipfs/id/push/1.0.0";
  static constexpr size_t kMostMessageBytes = 8 * 1024;
  static constexpr size_t kMostOwnBytes = 4 * 1024;
  static constexpr int kMostMessages = 10;
  static constexpr Duration kLimit = absl::Seconds(10);
  static constexpr Duration kPushDelay = absl::Milliseconds(100);
  static constexpr size_t kMostObserved = 64;  // Addresses we are said to have.
  static constexpr size_t kMostObserversOfOne = 64;

  // All are lent. `own_addresses` gives those that this node announces.
  Identify(Runtime& runtime, const Identity& identity, const Crypto& crypto, PeerBook& book,
           Connections& connections, ServedProtocols& protocols, EndingStreams& ending,
           std::function<std::vector<Multiaddr>()> own_addresses);

  absl::Status Start();
  void Stop();

  // A new connection stands. Never waits.
  void Ask(const std::shared_ptr<Connection>& connection);

  // Our protocols or addresses have changed: what follows within kPushDelay is pushed together.
  void Changed();

  // Gives up on peers that do not answer; call it every few seconds.
  void Sweep();

  // Where peers say they see us, and how many distinct ones say so.
  std::map<Multiaddr, size_t> Observed();

 private:
  struct Asking;

  void Read(const std::shared_ptr<Asking>& asking);
  void Forget(const Asking& asking);
  void Answer(const std::shared_ptr<Connection>& connection, std::unique_ptr<Stream> stream);
  void PushToAll();
  void PushTo(const PeerId& peer);
  absl::StatusOr<std::string> OwnMessage(const Connection& connection);
  // Missing fields of a push mean "as before".
  absl::Status Apply(const Caller& from, const pb::Identify& message, bool is_push);
  absl::StatusOr<std::vector<Multiaddr>> AddressesIn(const Caller& from,
                                                     const pb::Identify& message);
  void NoteObserved(const PeerId& observer, const std::string& multiaddr);

  Runtime& runtime_;
  const Identity& identity_;
  const Crypto& crypto_;
  PeerBook& book_;
  Connections& connections_;
  ServedProtocols& protocols_;
  EndingStreams& ending_;
  const std::function<std::vector<Multiaddr>()> own_addresses_;
  PeerRecords records_;

  Mutex mutex_{"Identify"};
  std::map<uint64_t, std::shared_ptr<Asking>> asking_ L2P_GUARDED_BY(mutex_);
  uint64_t next_id_ L2P_GUARDED_BY(mutex_) = 0;
  std::map<Multiaddr, std::set<PeerId>> observed_ L2P_GUARDED_BY(mutex_);
  Time changed_ L2P_GUARDED_BY(mutex_) = absl::InfinitePast();
  bool push_due_ L2P_GUARDED_BY(mutex_) = false;
  bool stopped_ L2P_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Registration> push_timer_ L2P_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Registration>> served_;
  WorkQueue heard_;  // Checks what peers said: signatures are no work for an I/O thread.
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_IDENTIFY_H_
