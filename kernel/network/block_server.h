#ifndef L2P_KERNEL_NETWORK_BLOCK_SERVER_H_
#define L2P_KERNEL_NETWORK_BLOCK_SERVER_H_

#include <map>
#include <memory>
#include <vector>

#include "kernel/content/block_service.h"
#include "l2p/messenger.h"
#include "l2p/runtime.h"

namespace l2p {

inline constexpr char kBlocksProtocol[] = "/l2p/blocks/1.0.0";
inline constexpr size_t kMaxIdsPerRequest = 2048;
inline constexpr size_t kMaxBlocksMessage = 512 * 1024;

// The BlockServer answers /l2p/blocks/1.0.0 from this node's store. A reader that is quiet, or that
// does not read what it asked for, costs no task: its stream is taken up again when bytes or room
// have come.
class BlockServer {
 public:
  static constexpr size_t kMaxStreams = 1024;
  static constexpr size_t kMaxStreamsPerPeer = 16;
  static constexpr size_t kMaxQueuedPerStream = 8192;  // Ids wanted and not yet sent.
  static constexpr Duration kIdleLimit = absl::Seconds(60);

  BlockServer(Runtime& runtime, BlockService& blocks, Messenger& messenger);
  ~BlockServer();

  absl::Status Start();
  void Stop();

 private:
  class Reader;

  void Accept(const Caller& from, std::unique_ptr<Stream> stream);
  void Resume(const std::shared_ptr<Reader>& reader);
  void End(const std::shared_ptr<Reader>& reader);
  void Sweep();

  Runtime& runtime_;
  BlockService& blocks_;
  Messenger& messenger_;
  Mutex mutex_{"BlockServer"};
  bool stopped_ L2P_GUARDED_BY(mutex_) = false;
  std::vector<std::shared_ptr<Reader>> readers_ L2P_GUARDED_BY(mutex_);  // By arrival.
  std::map<PeerId, size_t> by_peer_ L2P_GUARDED_BY(mutex_);
  std::unique_ptr<Registration> sweep_;
  std::unique_ptr<Registration> serving_;
  TaskGroup tasks_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_BLOCK_SERVER_H_
