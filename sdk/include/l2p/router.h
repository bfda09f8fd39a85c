#ifndef L2P_ROUTER_H_
#define L2P_ROUTER_H_

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "l2p/messenger.h"
#include "l2p/multiaddr.h"
#include "l2p/multihash.h"

namespace l2p {

// A ProviderQuery yields the providers of a key as they are found. One task at a time; destroying
// it ends the search.
class L2P_SDK_API ProviderQuery {
 public:
  virtual ~ProviderQuery();

  // The next provider, each once; nullopt when the search has ended without another;
  // DeadlineExceeded when none came by `deadline` (the search goes on).
  virtual absl::StatusOr<std::optional<PeerInfo>> Next(Time deadline) = 0;
};

// A Router finds peers: those close to a key, those that announced one, a given one.
//
// [any thread] between Start and Stop, which are called once each. Calls may wait for other peers,
// never past their deadline. Results never hold this node itself.
class L2P_SDK_API Router {
 public:
  static constexpr char kKind[] = "routing";
  virtual ~Router();

  // Joins the network through `known` (bootstrap peers, peer book) and the peers that `messenger`
  // reports. Does not wait until it has joined. `messenger` is lent until Stop returns.
  virtual absl::Status Start(Messenger& messenger, std::span<const PeerInfo> known) = 0;

  // The up to `n` reachable peers closest to `key` by SHA-256 and XOR, closest first, each asked
  // during this call. Empty in a network of one.
  virtual absl::StatusOr<std::vector<PeerInfo>> ClosestPeers(const Multihash& key, size_t n,
                                                             Time deadline) = 0;

  // Searches for peers that announced `key`, up to `most` of them.
  virtual absl::StatusOr<std::unique_ptr<ProviderQuery>> FindProviders(const Multihash& key,
                                                                       size_t most,
                                                                       Time deadline) = 0;

  // Announces this node as a provider of each key now, and again from time to time until Withdraw
  // or Stop. Returns when the first announcement was made; a key that reached no other peer (a
  // network of one) is OK. The keys are not kept across a restart: the kernel announces its own
  // again.
  virtual absl::Status Provide(std::span<const Multihash> keys, Time deadline) = 0;
  virtual void Withdraw(std::span<const Multihash> keys) = 0;

  // Where `peer` can be dialled; NotFound.
  virtual absl::StatusOr<PeerInfo> FindPeer(const PeerId& peer, Time deadline) = 0;

  // Up to `most` good peers of the table, best first: what is worth knowing after a restart.
  virtual std::vector<PeerInfo> Known(size_t most) = 0;

  virtual void Stop() = 0;
};

}  // namespace l2p

#endif  // L2P_ROUTER_H_
