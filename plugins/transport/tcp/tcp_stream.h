#ifndef L2P_PLUGINS_TRANSPORT_TCP_TCP_STREAM_H_
#define L2P_PLUGINS_TRANSPORT_TCP_TCP_STREAM_H_

#include <functional>
#include <memory>
#include <span>

#include "tcp_connection.h"

namespace l2p::tcp {

// The handle of a task on one channel of a connection's yamux session.
class TcpStream : public Stream {
 public:
  // `channel` is the caller's until this handle is destroyed.
  TcpStream(std::shared_ptr<TcpConnection> connection, YamuxChannel& channel);
  ~TcpStream() override;

  absl::StatusOr<size_t> Read(MutableByteView into, Time deadline) override;
  absl::Status Write(std::span<const Bytes> parts, Time deadline) override;
  void CloseWrite() override;
  void Reset() override;
  void WhenReadable(std::function<void()> ready) override;
  void WhenWritable(std::function<void()> ready) override;

 private:
  Event* EventOf(std::unique_ptr<Event>& event);
  absl::Status Failure() L2P_REQUIRES(connection_->mutex_);
  std::optional<absl::StatusOr<size_t>> TryRead(MutableByteView into, Time now, bool& wake);
  size_t LeaveRead();
  void Mute();

  const std::shared_ptr<TcpConnection> connection_;
  YamuxChannel& channel_;              // Guarded by the connection's mutex.
  std::unique_ptr<Event> read_event_;  // The reader's; made when it first waits.
  std::unique_ptr<Event> write_event_;
};

}  // namespace l2p::tcp

#endif  // L2P_PLUGINS_TRANSPORT_TCP_TCP_STREAM_H_
