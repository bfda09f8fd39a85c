#ifndef L2P_PLUGINS_ROUTING_STATIC_STATIC_ROUTER_H_
#define L2P_PLUGINS_ROUTING_STATIC_STATIC_ROUTER_H_

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "l2p/host.h"
#include "l2p/router.h"

namespace l2p {

// For small closed swarms: keeps a list of all peers (those it was told of, those that connect, and
// those that these know), and finds out where things are by asking everybody on it. So a search
// costs a round trip and as many requests as the swarm has peers, and there is no record that could
// be stale: whoever has announced a key says so himself.
class StaticRouter : public Router {
 public:
  static constexpr char kProtocol[] = "/l2p/static/1.0.0";
  static constexpr size_t kMostAtOnce = 32;          // Requests of one call on their way.
  static constexpr size_t kMostAnswer = 512 * 1024;  // Bytes of a list of peers.
  static constexpr Duration kRequestLimit = absl::Seconds(3);
  static constexpr Duration kFirstRefresh = absl::Seconds(5);  // Of the list; then ever later.
  static constexpr Duration kLastRefresh = absl::Minutes(10);

  struct Options {
    std::vector<PeerInfo> peers;  // As configured.
    size_t most_peers = 4096;     // On the list.
  };

  // `host` is lent.
  StaticRouter(Host& host, Options options);
  ~StaticRouter() override;

  absl::Status Start(Messenger& messenger, std::span<const PeerInfo> known) override;
  absl::StatusOr<std::vector<PeerInfo>> ClosestPeers(const Multihash& key, size_t n,
                                                     Time deadline) override;
  absl::StatusOr<std::unique_ptr<ProviderQuery>> FindProviders(const Multihash& key, size_t most,
                                                               Time deadline) override;
  absl::Status Provide(std::span<const Multihash> keys, Time deadline) override;
  void Withdraw(std::span<const Multihash> keys) override;
  absl::StatusOr<PeerInfo> FindPeer(const PeerId& peer, Time deadline) override;
  std::vector<PeerInfo> Known(size_t most) override;
  void Stop() override;

 private:
  class Search;
  class SearchQuery;

  // What a peer answered; peers that it makes the call ask as well. False ends the call.
  using Heard =
      std::function<bool(const PeerInfo& from, ByteView answer, std::deque<PeerInfo>& others)>;

  // Sends `request` to `peers` in order, so many that up to `wanted` can answer, until these have,
  // nobody is left, `heard` has enough or the deadline passes. Not OK: why the last one that did
  // not answer did not.
  absl::Status Ask(std::deque<PeerInfo> peers, ByteView request, size_t wanted, Time deadline,
                   const Heard& heard);
  absl::Status Converse(std::deque<PeerInfo> peers, ByteView request, size_t wanted, Time deadline,
                        const Heard& heard);
  absl::StatusOr<std::optional<Bytes>> Answer(ByteView request);

  // Asks everybody on the list whom they know, and these in turn.
  void Meet();
  void MeetAgainAndAgain();
  void Add(const PeerInfo& peer);
  // The list in the order of its peers' distance to `key`.
  std::deque<PeerInfo> Sorted(const Multihash& key);
  bool stopping();

  Host& host_;
  const size_t most_peers_;
  Messenger* messenger_ = nullptr;
  const std::unique_ptr<Event> idle_;
  Mutex mutex_{"StaticRouter"};
  std::map<PeerId, PeerInfo> peers_ L2P_GUARDED_BY(mutex_);
  std::set<std::string> provided_ L2P_GUARDED_BY(mutex_);  // Multihashes; our own announcements.
  size_t asking_ L2P_GUARDED_BY(mutex_) = 0;               // Calls that use the messenger.
  bool stopping_ L2P_GUARDED_BY(mutex_) = false;
  Duration next_refresh_ L2P_GUARDED_BY(mutex_) = kFirstRefresh;
  std::unique_ptr<Registration> refresh_ L2P_GUARDED_BY(mutex_);
  std::unique_ptr<Registration> served_;
  std::unique_ptr<Registration> watch_;
  TaskGroup tasks_;
};

}  // namespace l2p

#endif  // L2P_PLUGINS_ROUTING_STATIC_STATIC_ROUTER_H_
