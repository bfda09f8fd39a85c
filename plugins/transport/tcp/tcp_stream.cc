#include "tcp_stream.h"

#include <utility>

namespace l2p::tcp {

TcpStream::TcpStream(std::shared_ptr<TcpConnection> connection, YamuxChannel& channel)
    : connection_(std::move(connection)), channel_(channel) {}

TcpStream::~TcpStream() {
  Mute();
  bool wake;
  {
    MutexLock lock(connection_->mutex_);
    connection_->session_.Release(channel_);
    wake = connection_->session_.has_output();
  }
  if (wake) connection_->WakeLoop();
}

Event* TcpStream::EventOf(std::unique_ptr<Event>& event) {
  if (event == nullptr) event = connection_->context_->host.NewEvent();
  return event.get();
}

// REQUIRES: the channel was reset.
absl::Status TcpStream::Failure() {
  if (!channel_.refusal.ok()) return channel_.refusal;
  if (!connection_->why_.ok()) {
    return absl::UnavailableError("stream: the connection ended: " +
                                  std::string(connection_->why_.message()));
  }
  return absl::UnavailableError("stream: reset");
}

// What Read returns if it need not wait; else the channel knows the reader from now on.
std::optional<absl::StatusOr<size_t>> TcpStream::TryRead(MutableByteView into, Time now,
                                                         bool& wake) {
  MutexLock lock(connection_->mutex_);
  YamuxSession& session = connection_->session_;
  session.Want(channel_);
  wake = session.has_output();
  if (channel_.reset) return Failure();
  if (!channel_.negotiating && !channel_.received.empty()) {
    const size_t count = channel_.received.Take(into);
    session.Consumed(channel_, count, now);
    wake = session.has_output();
    return count;
  }
  if (!channel_.negotiating && channel_.remote_closed) return size_t{0};
  if (!channel_.negotiating) channel_.destination = into;
  channel_.delivered = 0;
  channel_.reader = read_event_.get();
  channel_.reader->Reset();
  return std::nullopt;
}

// Takes the reader's memory back from the I/O thread; returns how many bytes are in it.
size_t TcpStream::LeaveRead() {
  size_t delivered = 0;
  Await(connection_->mutex_, *read_event_, absl::InfiniteFuture(), [&] {
    channel_.leaving = channel_.filling;
    if (channel_.filling) return false;
    delivered = channel_.reset ? 0 : channel_.delivered;
    channel_.delivered = 0;
    channel_.destination = {};
    channel_.reader = nullptr;
    return true;
  });
  return delivered;
}

absl::StatusOr<size_t> TcpStream::Read(MutableByteView into, Time deadline) {
  if (into.empty()) return absl::InvalidArgumentError("stream: read into no memory");
  EventOf(read_event_);
  for (bool in_time = true;;) {
    const Time now = connection_->context_->host.Now();
    bool wake = false;
    const auto result = TryRead(into, now, wake);
    if (wake) connection_->WakeLoop();
    if (result.has_value()) return *result;
    in_time = in_time && now < deadline && read_event_->Wait(deadline);
    if (const size_t count = LeaveRead(); count > 0) return count;
    if (!in_time) return absl::DeadlineExceededError("stream: nothing came in time");
  }
}

absl::Status TcpStream::Write(std::span<const Bytes> parts, Time deadline) {
  EventOf(write_event_);
  YamuxSession& session = connection_->session_;
  absl::Status result;
  bool wake = false;
  const bool in_time =
      Await(connection_->mutex_, *write_event_, deadline, [&]() L2P_REQUIRES(connection_->mutex_) {
        channel_.writer = write_event_.get();
        if (!channel_.reset && channel_.queue.size() > kWriteLimit && !channel_.close_wanted) {
          return false;
        }
        channel_.writer = nullptr;
        if (channel_.reset) {
          result = Failure();
        } else if (channel_.close_wanted) {
          result = absl::FailedPreconditionError("stream: written after CloseWrite");
        } else {
          for (const Bytes& part : parts) session.Write(channel_, part);
          session.Want(channel_);
          wake = session.has_output();
        }
        return true;
      });
  if (!in_time) {
    MutexLock lock(connection_->mutex_);
    channel_.writer = nullptr;
    return absl::DeadlineExceededError("stream: the other side takes no more bytes");
  }
  if (wake) connection_->WakeLoop();
  return result;
}

void TcpStream::CloseWrite() {
  {
    MutexLock lock(connection_->mutex_);
    connection_->session_.CloseWrite(channel_);
  }
  connection_->WakeLoop();
}

// No callback starts from now on, and none is running when this returns, unless it is the caller.
void TcpStream::Mute() {
  std::function<void()> readable, writable;  // What they hold is let go without the mutex.
  bool running;
  {
    MutexLock lock(connection_->mutex_);
    channel_.muted = true;
    readable.swap(channel_.when_readable);
    writable.swap(channel_.when_writable);
    running = channel_.calling > 0;
  }
  if (!running || connection_->loop_->on_thread()) return;
  const std::unique_ptr<Event> ended = connection_->context_->host.NewEvent();
  Await(connection_->mutex_, *ended, absl::InfiniteFuture(), [&] {
    if (channel_.calling == 0) return true;
    channel_.call_ended.push_back(ended.get());
    return false;
  });
}

void TcpStream::Reset() {
  Mute();
  {
    MutexLock lock(connection_->mutex_);
    connection_->session_.Reset(channel_);
  }
  connection_->WakeLoop();
}

void TcpStream::WhenReadable(std::function<void()> ready) {
  bool now;
  bool wake;
  {
    MutexLock lock(connection_->mutex_);
    if (channel_.muted) return;
    connection_->session_.Want(channel_);
    now = channel_.readable();
    wake = connection_->session_.has_output();
    if (!now) channel_.when_readable.swap(ready);
  }
  if (wake) connection_->WakeLoop();
  if (now) ready();
}

void TcpStream::WhenWritable(std::function<void()> ready) {
  bool now;
  {
    MutexLock lock(connection_->mutex_);
    if (channel_.muted) return;
    now = channel_.reset || channel_.queue.size() <= kWriteLimit;
    if (!now) channel_.when_writable.swap(ready);
  }
  if (now) ready();
}

}  // namespace l2p::tcp
