#ifndef @NAME@_CONNECTION_H_
#define @NAME@_CONNECTION_H_

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "l2p/host.h"
#include "l2p/transport.h"

namespace @name@ {

// What both ends of one stream know of it. Guarded by its connection's mutex.
struct Channel {
  explicit Channel(uint32_t the_id) : id(the_id) {}

  const uint32_t id;
  // The frame that opens it, until it is sent: with the first bytes, so that a refusal is not heard
  // before there is a Read to tell it.
  std::string offer;

  std::deque<l2p::Bytes> unsent;
  size_t unsent_bytes = 0;
  size_t credit = 0;  // What the other side has room for.
  bool write_closed = false;
  bool close_sent = false;

  std::deque<l2p::Bytes> received;
  size_t received_bytes = 0;
  size_t consumed = 0;  // Read, and not yet given back as credit.
  bool remote_closed = false;

  absl::Status broken;  // Not OK: both directions are at their end.

  std::unique_ptr<l2p::Event> readable;
  std::unique_ptr<l2p::Event> writable;
  // Callbacks run outside the connection's mutex, but under this one, which Reset takes as well: so
  // none runs once Reset has returned. Recursive: a callback may reset its own stream.
  std::recursive_mutex calling;
  std::function<void()> when_readable;
  std::function<void()> when_writable;
};

// A connection is one socket, and one task that reads and writes it. Streams leave bytes here and
// wake the task.
class @Name@Connection : public l2p::Connection,
                        public std::enable_shared_from_this<@Name@Connection> {
 public:
  static constexpr size_t kMostStreams = 1000;         // Open at once, of each side.
  static constexpr size_t kMostControl = 1024 * 1024;  // Bytes of answers that nobody takes.
  static constexpr size_t kWindow = 256 * 1024;        // Of a stream that nobody reads.
  static constexpr size_t kMostFrame = 64 * 1024;      // So that no stream keeps others waiting.

  struct Ends {
    l2p::PeerId peer;
    l2p::Multiaddr remote;
    l2p::Multiaddr local;
    bool outbound;
  };
  // Takes `socket` over, which is connected, non-blocking and past its handshake.
  @Name@Connection(l2p::Host& host, int socket, Ends ends);
  ~@Name@Connection() override;

  const l2p::PeerId& peer() const override { return ends_.peer; }
  const l2p::Multiaddr& remote() const override { return ends_.remote; }
  const l2p::Multiaddr& local() const override { return ends_.local; }
  bool outbound() const override { return ends_.outbound; }
  absl::StatusOr<std::unique_ptr<l2p::Stream>> Open(std::string_view protocol) override;
  void Close() override;
  size_t streams() const override;

  // The task: moves bytes until the connection ends, and says so to `inbound`.
  void Run(l2p::Inbound& inbound);

 private:
  friend class @Name@Stream;
  using Shared = std::shared_ptr<Channel>;

  void Wake();
  absl::Status Move(l2p::Inbound& inbound);
  absl::Status ReadSocket(l2p::Inbound& inbound);
  absl::Status Take(l2p::Inbound& inbound, uint8_t type, uint32_t id, l2p::ByteView body);
  absl::Status Accept(l2p::Inbound& inbound, uint32_t id, l2p::ByteView protocol);
  absl::Status WriteSocket(bool& has_more);
  std::string NextFrame() L2P_REQUIRES(mutex_);
  void Queue(uint8_t type, uint32_t id, l2p::ByteView body) L2P_REQUIRES(mutex_);
  void Offer(Channel& channel) L2P_REQUIRES(mutex_);
  void Finish(Channel& channel) L2P_REQUIRES(mutex_);
  void Break(const Shared& channel, absl::Status why);
  void Tell(const Shared& channel);

  l2p::Host& host_;
  const int socket_;
  const int wake_;  // An eventfd.
  const Ends ends_;
  std::string input_;   // The task's alone: received, and no whole frame yet.
  std::string output_;  // The task's alone: taken from below, and not yet sent.

  mutable l2p::Mutex mutex_{"@Name@Connection"};
  bool closing_ L2P_GUARDED_BY(mutex_) = false;
  uint32_t next_id_ L2P_GUARDED_BY(mutex_);
  uint32_t last_sent_ L2P_GUARDED_BY(mutex_) = 0;  // Whose turn it was.
  std::string control_ L2P_GUARDED_BY(mutex_);     // Frames that need no credit.
  std::map<uint32_t, Shared> channels_ L2P_GUARDED_BY(mutex_);
};

class @Name@Stream : public l2p::Stream {
 public:
  @Name@Stream(std::shared_ptr<@Name@Connection> connection, std::shared_ptr<Channel> channel);
  ~@Name@Stream() override;

  absl::StatusOr<size_t> Read(l2p::MutableByteView into, l2p::Time deadline) override;
  absl::Status Write(std::span<const l2p::Bytes> parts, l2p::Time deadline) override;
  void CloseWrite() override;
  void Reset() override;
  void WhenReadable(std::function<void()> ready) override;
  void WhenWritable(std::function<void()> ready) override;

 private:
  void SendOffer();

  const std::shared_ptr<@Name@Connection> connection_;
  const std::shared_ptr<Channel> channel_;
};

}  // namespace @name@

#endif  // @NAME@_CONNECTION_H_
