#ifndef L2P_KERNEL_NETWORK_EXCHANGE_H_
#define L2P_KERNEL_NETWORK_EXCHANGE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "kernel/content/block_service.h"
#include "kernel/content/block_source.h"
#include "kernel/loader/slot.h"
#include "kernel/network/block_server.h"
#include "kernel/network/peer_scores.h"
#include "l2p/crypto.h"
#include "l2p/memory.h"
#include "l2p/router.h"

namespace l2p {

class FetchSession;

// The Exchange moves blocks between nodes: it serves ours to readers (/l2p/blocks/1.0.0;
// docs/protocol.md) and opens sessions that fetch from many holders at once.
//
// [any thread] between Start and Stop.
class Exchange {
 public:
  struct Options {
    size_t window_bytes = 32 << 20;         // Bytes asked for and not yet taken, in one session.
    Duration patience = absl::Seconds(30);  // Without any block from anyone: the verdict.
  };

  // What the network knows of peers. [any thread]
  struct Peers {
    PeerScores& scores;
    // The 90th percentile of the latest round trips to one; nullopt before the first.
    std::function<std::optional<Duration>(const PeerId&)> rtt_p90;
    // Whether there is anybody to wait for: a bootstrap peer, or one that was met before.
    std::function<bool()> any;
  };

  Exchange(Runtime& runtime, Memory& memory, BlockService& blocks, PluginSlot<Router>& router,
           Messenger& messenger, Peers peers, const Crypto& crypto, Options options);
  ~Exchange();

  absl::Status Start();
  // Ends all sessions: their readers get Aborted.
  void AbortSessions();
  void Stop();

  // What one peer gave in a session.
  struct Served {
    PeerId peer;
    uint64_t bytes = 0;
    uint64_t blocks = 0;
    uint64_t bad = 0;  // Blocks that did not hash to their id.
  };

  // A reader's session: local blocks first, then the holders of the group each block belongs to.
  // `local_only` never asks the network.
  class Session : public BlockSource {
   public:
    virtual std::vector<Served> served() const = 0;  // By bytes, most first. [any thread]

    // Looks for the holders of `group`; blocks wanted meanwhile are looked for with them first.
    virtual void FindHolders(const Multihash& group) = 0;
  };
  std::unique_ptr<Session> NewSession(bool local_only);

 private:
  Runtime& runtime_;
  Memory& memory_;
  BlockService& blocks_;
  PluginSlot<Router>& router_;
  Messenger& messenger_;
  const Peers peers_;
  const Crypto& crypto_;
  const Options options_;
  BlockServer server_;
  Mutex mutex_{"Exchange"};
  bool aborted_ L2P_GUARDED_BY(mutex_) = false;
  std::vector<std::weak_ptr<FetchSession>> live_ L2P_GUARDED_BY(mutex_);
  TaskGroup sessions_;  // The tasks of all sessions.
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_EXCHANGE_H_
