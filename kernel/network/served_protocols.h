#ifndef L2P_KERNEL_NETWORK_SERVED_PROTOCOLS_H_
#define L2P_KERNEL_NETWORK_SERVED_PROTOCOLS_H_

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "kernel/network/ending_streams.h"
#include "kernel/network/framing.h"
#include "kernel/network/work_queue.h"
#include "l2p/messenger.h"

namespace l2p {

// ServedProtocols hands inbound streams to those who serve their protocol. A request is assembled
// and an answer sent without a task; only the handler runs as one. [any thread]
class ServedProtocols {
 public:
  static constexpr size_t kMostStreams = 8192;
  static constexpr size_t kMostStreamsOfPeer = 64;  // Of one protocol.
  static constexpr size_t kMostRunningRequests = 128;
  static constexpr size_t kMostQueuedRequests = 1024;
  static constexpr size_t kMostRunningStreams = 64;
  static constexpr size_t kMostQueuedStreams = 256;
  static constexpr Duration kIdleLimit = absl::Seconds(60);

  // How a protocol is served: exactly one of the handlers is set.
  struct Handlers {
    FrameReader::Framing framing = FrameReader::Framing::kSized;
    size_t max_request = 0;
    Messenger::Handler request;
    Messenger::StreamHandler stream;
    // Takes the stream at once, on an I/O thread, and must not wait.
    std::function<void(const std::shared_ptr<Connection>&, std::unique_ptr<Stream>)> at_once;
  };

  // `changed` is called, from tasks, when the list of protocols has changed.
  ServedProtocols(Runtime& runtime, EndingStreams& ending, std::function<void()> changed);

  // AlreadyExists when someone serves `protocol`. Destroying the Registration resets the streams
  // of the protocol that wait for a request, and waits for running handlers (so no handler may
  // destroy its own).
  absl::StatusOr<std::unique_ptr<Registration>> Add(std::string_view protocol, Handlers handlers);

  bool Accepts(std::string_view protocol);
  std::vector<std::string> List();  // Sorted.

  void OnStream(const std::shared_ptr<Connection>& connection, std::string_view protocol,
                std::unique_ptr<Stream> stream);

  // Resets streams that were idle for too long; call it every few seconds.
  void Sweep();

  // Resets what waits and waits for running handlers. REQUIRES: no OnStream from now on.
  void Stop();

 private:
  struct Served;
  struct Session;
  class ServedRegistration;
  using SessionPtr = std::shared_ptr<Session>;

  // A session either waits (for bytes, or for room to write) and may be ended by whoever claims it,
  // or belongs to the one callback or task that claimed it.
  bool SetWaiting(const SessionPtr& session);
  bool Claim(const SessionPtr& session);
  std::vector<SessionPtr> ClaimAll(const std::function<bool(const Session&)>& wanted)
      L2P_REQUIRES(mutex_);

  void Read(const SessionPtr& session);
  void WaitForBytes(const SessionPtr& session);
  void Submit(const SessionPtr& session);
  void Run(const SessionPtr& session);
  void SendAnswer(const SessionPtr& session);
  void End(const SessionPtr& session, bool in_order);
  void Forget(const Session& session) L2P_REQUIRES(mutex_);
  void Remove(Served& served);

  Runtime& runtime_;
  EndingStreams& ending_;
  const std::function<void()> changed_;
  Mutex mutex_{"ServedProtocols"};
  std::map<std::string, std::shared_ptr<Served>, std::less<>> served_ L2P_GUARDED_BY(mutex_);
  std::map<uint64_t, SessionPtr> sessions_ L2P_GUARDED_BY(mutex_);
  uint64_t next_id_ L2P_GUARDED_BY(mutex_) = 0;
  std::map<std::pair<PeerId, std::string>, size_t> streams_of_ L2P_GUARDED_BY(mutex_);
  WorkQueue requests_;
  WorkQueue streams_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_SERVED_PROTOCOLS_H_
