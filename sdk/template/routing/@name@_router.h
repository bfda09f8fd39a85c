#ifndef @NAME@_ROUTER_H_
#define @NAME@_ROUTER_H_

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "l2p/host.h"
#include "l2p/router.h"

namespace @name@ {

// Keeps a list of all peers it has heard of, and asks every one of them whenever something is
// wanted: whom they know, and whether they have announced the key. Right for a swarm of tens.
class @Name@Router : public l2p::Router {
 public:
  // `host` outlives this. At most `most_peers` are on the list.
  @Name@Router(l2p::Host& host, size_t most_peers);

  absl::Status Start(l2p::Messenger& messenger, std::span<const l2p::PeerInfo> known) override;
  absl::StatusOr<std::vector<l2p::PeerInfo>> ClosestPeers(const l2p::Multihash& key, size_t n,
                                                          l2p::Time deadline) override;
  absl::StatusOr<std::unique_ptr<l2p::ProviderQuery>> FindProviders(const l2p::Multihash& key,
                                                                    size_t most,
                                                                    l2p::Time deadline) override;
  absl::Status Provide(std::span<const l2p::Multihash> keys, l2p::Time deadline) override;
  void Withdraw(std::span<const l2p::Multihash> keys) override;
  absl::StatusOr<l2p::PeerInfo> FindPeer(const l2p::PeerId& peer, l2p::Time deadline) override;
  std::vector<l2p::PeerInfo> Known(size_t most) override;
  void Stop() override;

 private:
  struct Answer {
    l2p::PeerInfo from;
    bool provides = false;  // The key.
  };

  // Asks all peers about `key` (empty: nothing but whom they know), and those that they name.
  // Returns who has answered by `deadline`.
  std::vector<Answer> AskEveryone(l2p::ByteView key, l2p::Time deadline);
  absl::StatusOr<std::optional<l2p::Bytes>> Serve(const l2p::Caller& from, l2p::ByteView key);
  void Add(const l2p::PeerInfo& peer);

  l2p::Host& host_;
  const size_t most_peers_;
  l2p::Messenger* messenger_ = nullptr;
  const std::unique_ptr<l2p::Event> idle_;  // Set when no call asks any more.
  l2p::Mutex mutex_{"@Name@Router"};
  std::map<l2p::PeerId, l2p::PeerInfo> peers_ L2P_GUARDED_BY(mutex_);
  std::set<std::string> provided_ L2P_GUARDED_BY(mutex_);  // Multihashes this node has announced.
  size_t asking_ L2P_GUARDED_BY(mutex_) = 0;
  bool stopping_ L2P_GUARDED_BY(mutex_) = false;
  std::unique_ptr<l2p::Registration> served_;
  std::unique_ptr<l2p::Registration> watch_;
  l2p::TaskGroup tasks_;  // Last: its destruction waits for what uses the others.
};

}  // namespace @name@

#endif  // @NAME@_ROUTER_H_
