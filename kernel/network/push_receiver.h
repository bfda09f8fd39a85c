#ifndef L2P_KERNEL_NETWORK_PUSH_RECEIVER_H_
#define L2P_KERNEL_NETWORK_PUSH_RECEIVER_H_

#include <map>
#include <memory>
#include <vector>

#include "kernel/content/block_service.h"
#include "kernel/content/holdings.h"
#include "kernel/loader/slot.h"
#include "l2p/crypto.h"
#include "l2p/memory.h"
#include "l2p/router.h"

namespace l2p {

inline constexpr char kPushProtocol[] = "/l2p/push/1.0.0";
inline constexpr size_t kMaxPushMessage = 1 << 20;
inline constexpr size_t kMaxRecordBytes = 512 << 10;

// The PushReceiver keeps what other peers push here: it takes a group's blocks, verifies each, and
// promises to keep the group when all are durable and recorded.
class PushReceiver {
 public:
  static constexpr size_t kMaxPushes = 32;
  static constexpr size_t kMaxPushesPerPeer = 4;
  static constexpr size_t kMaxLeaves = 2 * kMaxGroupLeaves;  // With pieces that are blocks.
  static constexpr size_t kMaxBlocksPerGroup = 16 * 1024;
  static constexpr Duration kStall = absl::Seconds(30);  // Without a byte from the pusher.

  struct Parts {  // All lent; they outlive this.
    Runtime& runtime;
    Memory& memory;
    BlockService& blocks;
    Holdings& holdings;
    PluginSlot<Router>& router;
    Messenger& messenger;
    const Crypto& crypto;
    const Identity& identity;
  };
  explicit PushReceiver(Parts parts);
  ~PushReceiver();

  absl::Status Start();
  // Refuses further pushes and waits for those under way, at most until `deadline`.
  void WaitUntilIdle(Time deadline);
  void Stop();  // Ends the pushes under way; what was not promised is freed.

 private:
  class Session;

  void Serve(const Caller& from, std::shared_ptr<Stream> stream);

  const Parts parts_;
  Mutex mutex_{"PushReceiver"};
  const std::unique_ptr<Event> idle_;
  bool stopped_ L2P_GUARDED_BY(mutex_) = false;
  std::map<PeerId, size_t> by_peer_ L2P_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Stream>> streams_ L2P_GUARDED_BY(mutex_);  // By arrival.
  std::unique_ptr<Registration> serving_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_PUSH_RECEIVER_H_
