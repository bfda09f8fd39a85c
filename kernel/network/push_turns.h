#ifndef L2P_KERNEL_NETWORK_PUSH_TURNS_H_
#define L2P_KERNEL_NETWORK_PUSH_TURNS_H_

#include <map>
#include <memory>

#include "kernel/network/push_receiver.h"
#include "l2p/mutex.h"
#include "l2p/peer_id.h"
#include "l2p/runtime.h"

namespace l2p {

// PushTurns lets no more pushes of this node go to one holder at once than that takes of one peer
// (docs/protocol.md): it would refuse the others, though it has room for them. [any thread]
class PushTurns {
 public:
  // Half of what it takes: a push that has ended here may not have ended there yet.
  static constexpr size_t kAtOnce = PushReceiver::kMaxPushesPerPeer / 2;

  explicit PushTurns(Runtime& runtime) : ended_(runtime.NewEvent()) {}

  // The right to push to `holder`, from the construction, which waits for it, to the destruction.
  // Both are lent. A push gives up on a holder that is silent, so each turn comes.
  class Turn {
   public:
    Turn(PushTurns& turns, const PeerId& holder);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    PushTurns& turns_;
    const PeerId& holder_;
  };

 private:
  const std::unique_ptr<Event> ended_;
  Mutex mutex_{"PushTurns"};
  std::map<PeerId, size_t> running_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_PUSH_TURNS_H_
