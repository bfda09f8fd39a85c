// After the handshake both sides send frames, numbers with the high byte first:
//   frame := type:1 stream:4 length:4 body
//   type  := 0 open (body: the protocol) | 1 data | 2 end of this direction | 3 reset
//          | 4 credit (no body; length is how many more bytes the stream may send)
// The dialling side opens streams with odd numbers. A stream begins with a credit of kWindow.
#include "@name@_connection.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace @name@ {
namespace {

enum Type : uint8_t { kOpen, kData, kEnd, kReset, kCredit };
constexpr size_t kHead = 9;
constexpr size_t kMostProtocol = 256;

void AppendNumber(uint32_t number, std::string& out) {
  for (const int shift : {24, 16, 8, 0}) out += static_cast<char>(number >> shift);
}

uint32_t NumberAt(const std::string& bytes, size_t at) {
  uint32_t number = 0;
  for (size_t i = 0; i < 4; ++i) number = number << 8 | static_cast<uint8_t>(bytes[at + i]);
  return number;
}

void AppendHead(uint8_t type, uint32_t id, size_t length, std::string& out) {
  out += static_cast<char>(type);
  AppendNumber(id, out);
  AppendNumber(static_cast<uint32_t>(length), out);
}

bool CanRead(const Channel& channel) {
  return !channel.received.empty() || channel.remote_closed || !channel.broken.ok();
}

bool CanWrite(const Channel& channel) {
  return channel.unsent_bytes <= l2p::Stream::kWriteLimit || !channel.broken.ok();
}

}  // namespace

@Name@Connection::@Name@Connection(l2p::Host& host, int socket, Ends ends)
    : host_(host),
      socket_(socket),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      ends_(std::move(ends)),
      next_id_(ends_.outbound ? 1 : 2) {}

@Name@Connection::~@Name@Connection() {
  ::close(socket_);
  ::close(wake_);
}

void @Name@Connection::Wake() {
  const uint64_t one = 1;
  // Full means that it is awake.
  if (::write(wake_, &one, sizeof one) < 0) return;
}

void @Name@Connection::Queue(uint8_t type, uint32_t id, l2p::ByteView body) {
  AppendHead(type, id, body.size(), control_);
  control_ += l2p::AsText(body);
}

void @Name@Connection::Offer(Channel& channel) {
  if (!channel.offer.empty()) control_ += std::exchange(channel.offer, {});
}

absl::StatusOr<std::unique_ptr<l2p::Stream>> @Name@Connection::Open(std::string_view protocol) {
  std::shared_ptr<Channel> channel;
  {
    l2p::MutexLock lock(mutex_);
    if (closing_) return absl::UnavailableError("open a stream: the connection has ended");
    if (channels_.size() >= kMostStreams) {
      return absl::ResourceExhaustedError("open a stream: too many are open");
    }
    channel = std::make_shared<Channel>(std::exchange(next_id_, next_id_ + 2));
    channel->credit = kWindow;
    channels_[channel->id] = channel;
    AppendHead(kOpen, channel->id, protocol.size(), channel->offer);
    channel->offer += protocol;
  }
  channel->readable = host_.NewEvent();
  channel->writable = host_.NewEvent();
  return std::make_unique<@Name@Stream>(shared_from_this(), std::move(channel));
}

void @Name@Connection::Close() {
  {
    l2p::MutexLock lock(mutex_);
    closing_ = true;
  }
  Wake();
}

size_t @Name@Connection::streams() const {
  l2p::MutexLock lock(mutex_);
  return channels_.size();
}

void @Name@Connection::Run(l2p::Inbound& inbound) {
  const std::shared_ptr<@Name@Connection> self = shared_from_this();
  absl::Status why = Move(inbound);
  std::map<uint32_t, Shared> left;
  {
    l2p::MutexLock lock(mutex_);
    closing_ = true;
    left = channels_;
  }
  ::shutdown(socket_, SHUT_RDWR);
  for (const auto& [id, channel] : left) {
    Break(channel, absl::UnavailableError("stream: the connection ended"));
  }
  inbound.OnClosed(self, std::move(why));
}

absl::Status @Name@Connection::Move(l2p::Inbound& inbound) {
  for (bool has_more = false;;) {
    pollfd entries[] = {{socket_, static_cast<short>(POLLIN | (has_more ? POLLOUT : 0)), 0},
                        {wake_, POLLIN, 0}};
    if (::poll(entries, 2, -1) < 0 && errno != EINTR) return absl::InternalError("poll failed");
    uint64_t times;
    if (entries[1].revents != 0 && ::read(wake_, &times, sizeof times) < 0) continue;
    {
      l2p::MutexLock lock(mutex_);
      if (closing_) return absl::OkStatus();
    }
    if (entries[0].revents & (POLLIN | POLLHUP | POLLERR)) {
      if (absl::Status read = ReadSocket(inbound); !read.ok()) return read;
    }
    if (absl::Status written = WriteSocket(has_more); !written.ok()) return written;
  }
}

absl::Status @Name@Connection::ReadSocket(l2p::Inbound& inbound) {
  std::array<char, kMostFrame> part;
  const ssize_t got = ::recv(socket_, part.data(), part.size(), 0);
  if (got == 0) return absl::UnavailableError("the other side closed the connection");
  if (got < 0) {
    const bool is_empty = errno == EAGAIN || errno == EINTR;
    return is_empty ? absl::OkStatus() : absl::UnavailableError(std::strerror(errno));
  }
  input_.append(part.data(), static_cast<size_t>(got));
  size_t at = 0;
  while (input_.size() - at >= kHead) {
    const auto type = static_cast<uint8_t>(input_[at]);
    const size_t length = NumberAt(input_, at + 5);
    const size_t body = type == kCredit ? 0 : length;
    // What the other side may make this one keep is bounded here.
    if (body > kMostFrame) return absl::DataLossError("a frame is too long");
    if (input_.size() - at - kHead < body) break;
    const std::string_view text = std::string_view(input_).substr(at + kHead, body);
    const uint32_t id = NumberAt(input_, at + 1);
    absl::Status taken;
    if (type == kCredit) {
      l2p::MutexLock lock(mutex_);
      const auto channel = channels_.find(id);
      if (channel != channels_.end()) channel->second->credit += length;
    } else {
      taken = Take(inbound, type, id, l2p::AsBytes(text));
    }
    if (!taken.ok()) return taken;
    at += kHead + body;
  }
  input_.erase(0, at);
  return absl::OkStatus();
}

absl::Status @Name@Connection::Take(l2p::Inbound& inbound, uint8_t type, uint32_t id,
                                   l2p::ByteView body) {
  if (type == kOpen) return Accept(inbound, id, body);
  Shared channel;
  {
    l2p::MutexLock lock(mutex_);
    const auto found = channels_.find(id);
    if (found == channels_.end()) return absl::OkStatus();  // Ended here a moment ago.
    channel = found->second;
    if (type == kEnd) {
      channel->remote_closed = true;
      Finish(*channel);
    } else if (type == kData) {
      channel->received_bytes += body.size();
      if (channel->received_bytes + channel->consumed > kWindow) {
        return absl::DataLossError("more was sent than there was credit for");
      }
      channel->received.push_back(l2p::Bytes::Copy(body));
    } else if (type != kReset) {
      return absl::DataLossError("a frame of no type");
    }
  }
  if (type == kReset) {
    Break(channel, absl::UnavailableError("stream: reset by the other side"));
  } else {
    Tell(channel);
  }
  return absl::OkStatus();
}

absl::Status @Name@Connection::Accept(l2p::Inbound& inbound, uint32_t id, l2p::ByteView protocol) {
  if (protocol.size() > kMostProtocol || id % 2 == (ends_.outbound ? 1 : 0)) {
    return absl::DataLossError("a stream that the other side may not open");
  }
  const std::string name(l2p::AsText(protocol));
  const auto channel = std::make_shared<Channel>(id);
  channel->credit = kWindow;
  channel->readable = host_.NewEvent();
  channel->writable = host_.NewEvent();
  {
    const bool is_accepted = inbound.Accepts(name);
    l2p::MutexLock lock(mutex_);
    if (!is_accepted || channels_.size() >= 2 * kMostStreams || channels_.contains(id)) {
      if (control_.size() > kMostControl) return absl::DataLossError("it does not read answers");
      Queue(kReset, id, {});
      return absl::OkStatus();
    }
    channels_[id] = channel;
  }
  const std::shared_ptr<@Name@Connection> self = shared_from_this();
  inbound.OnStream(self, name, std::make_unique<@Name@Stream>(self, channel));
  return absl::OkStatus();
}

// Streams take turns, a frame each.
std::string @Name@Connection::NextFrame() {
  if (!control_.empty()) return std::exchange(control_, {});
  auto next = channels_.upper_bound(last_sent_);
  for (size_t tried = 0; tried <= channels_.size(); ++tried, ++next) {
    if (next == channels_.end()) next = channels_.begin();
    if (next == channels_.end()) break;
    const Shared channel = next->second;
    std::string frame;
    if (!channel->unsent.empty() && channel->credit > 0) {
      l2p::Bytes& front = channel->unsent.front();
      const size_t size = std::min({front.size(), channel->credit, kMostFrame});
      AppendHead(kData, channel->id, size, frame);
      frame += front.text().substr(0, size);
      front = front.Slice(size, front.size() - size);
      if (front.empty()) channel->unsent.pop_front();
      channel->credit -= size;
      channel->unsent_bytes -= size;
    } else if (channel->unsent.empty() && channel->write_closed && !channel->close_sent) {
      AppendHead(kEnd, channel->id, 0, frame);
      channel->close_sent = true;
      last_sent_ = channel->id;
      Finish(*channel);
      return frame;
    }
    if (frame.empty()) continue;
    last_sent_ = channel->id;
    return frame;
  }
  return {};
}

absl::Status @Name@Connection::WriteSocket(bool& has_more) {
  for (;;) {
    Shared sent_of;
    if (output_.empty()) {
      l2p::MutexLock lock(mutex_);
      output_ = NextFrame();
      const auto channel = channels_.find(last_sent_);
      if (channel != channels_.end()) sent_of = channel->second;
    }
    if (sent_of) Tell(sent_of);
    has_more = !output_.empty();
    if (!has_more) return absl::OkStatus();
    const ssize_t sent = ::send(socket_, output_.data(), output_.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno != EINTR) {
      return errno == EAGAIN ? absl::OkStatus() : absl::UnavailableError(std::strerror(errno));
    }
    if (sent > 0) output_.erase(0, static_cast<size_t>(sent));
  }
}

// A stream is over when both directions are.
void @Name@Connection::Finish(Channel& channel) {
  if (channel.remote_closed && channel.close_sent) channels_.erase(channel.id);
}

void @Name@Connection::Break(const Shared& channel, absl::Status why) {
  {
    l2p::MutexLock lock(mutex_);
    channels_.erase(channel->id);
    if (!channel->broken.ok()) return;
    channel->broken = std::move(why);
    channel->unsent.clear();
    channel->unsent_bytes = 0;
    channel->received.clear();
  }
  Tell(channel);
}

// Wakes who waits for what there is now.
void @Name@Connection::Tell(const Shared& channel) {
  const std::lock_guard<std::recursive_mutex> calling(channel->calling);
  std::function<void()> readable;
  std::function<void()> writable;
  {
    l2p::MutexLock lock(mutex_);
    if (CanRead(*channel)) {
      channel->readable->Set();
      readable = std::exchange(channel->when_readable, nullptr);
    }
    if (CanWrite(*channel)) {
      channel->writable->Set();
      writable = std::exchange(channel->when_writable, nullptr);
    }
  }
  if (readable) readable();
  if (writable) writable();
}

@Name@Stream::@Name@Stream(std::shared_ptr<@Name@Connection> connection,
                         std::shared_ptr<Channel> channel)
    : connection_(std::move(connection)), channel_(std::move(channel)) {}

@Name@Stream::~@Name@Stream() {
  bool is_over;
  {
    l2p::MutexLock lock(connection_->mutex_);
    is_over = channel_->write_closed && channel_->remote_closed;
  }
  // What was written before CloseWrite is still sent.
  if (!is_over) Reset();
  const std::lock_guard<std::recursive_mutex> calling(channel_->calling);
  l2p::MutexLock lock(connection_->mutex_);
  channel_->when_readable = nullptr;
  channel_->when_writable = nullptr;
}

void @Name@Stream::SendOffer() {
  {
    l2p::MutexLock lock(connection_->mutex_);
    if (channel_->offer.empty()) return;
    connection_->Offer(*channel_);
  }
  connection_->Wake();
}

absl::StatusOr<size_t> @Name@Stream::Read(l2p::MutableByteView into, l2p::Time deadline) {
  SendOffer();
  if (!l2p::Await(connection_->mutex_, *channel_->readable, deadline,
                  [this] { return CanRead(*channel_); })) {
    return absl::DeadlineExceededError("read: nothing came in time");
  }
  size_t taken = 0;
  {
    l2p::MutexLock lock(connection_->mutex_);
    if (!channel_->broken.ok()) return channel_->broken;
    while (taken < into.size() && !channel_->received.empty()) {
      l2p::Bytes& front = channel_->received.front();
      const size_t size = std::min(into.size() - taken, front.size());
      std::memcpy(into.data() + taken, front.data(), size);
      taken += size;
      front = front.Slice(size, front.size() - size);
      if (front.empty()) channel_->received.pop_front();
    }
    channel_->received_bytes -= taken;
    channel_->consumed += taken;
    if (channel_->consumed < @Name@Connection::kWindow / 2) return taken;
    AppendHead(kCredit, channel_->id, std::exchange(channel_->consumed, 0), connection_->control_);
  }
  connection_->Wake();
  return taken;
}

absl::Status @Name@Stream::Write(std::span<const l2p::Bytes> parts, l2p::Time deadline) {
  if (!l2p::Await(connection_->mutex_, *channel_->writable, deadline,
                  [this] { return CanWrite(*channel_); })) {
    return absl::DeadlineExceededError("write: the other side does not read");
  }
  {
    l2p::MutexLock lock(connection_->mutex_);
    if (!channel_->broken.ok()) return channel_->broken;
    if (channel_->write_closed) return absl::FailedPreconditionError("write: after CloseWrite");
    for (const l2p::Bytes& part : parts) {
      if (part.empty()) continue;
      channel_->unsent.push_back(part);
      channel_->unsent_bytes += part.size();
    }
    connection_->Offer(*channel_);
  }
  connection_->Wake();
  return absl::OkStatus();
}

void @Name@Stream::CloseWrite() {
  {
    l2p::MutexLock lock(connection_->mutex_);
    channel_->write_closed = true;
    connection_->Offer(*channel_);
  }
  connection_->Wake();
}

void @Name@Stream::Reset() {
  {
    const std::lock_guard<std::recursive_mutex> calling(channel_->calling);
    l2p::MutexLock lock(connection_->mutex_);
    channel_->when_readable = nullptr;
    channel_->when_writable = nullptr;
    if (!channel_->broken.ok()) return;
    if (channel_->offer.empty()) connection_->Queue(kReset, channel_->id, {});
  }
  connection_->Break(channel_, absl::UnavailableError("stream: reset"));
  connection_->Wake();
}

// A callback may destroy this stream.
void @Name@Stream::WhenReadable(std::function<void()> ready) {
  SendOffer();
  const std::shared_ptr<@Name@Connection> connection = connection_;
  const std::shared_ptr<Channel> channel = channel_;
  {
    l2p::MutexLock lock(connection->mutex_);
    channel->when_readable = std::move(ready);
  }
  connection->Tell(channel);
}

void @Name@Stream::WhenWritable(std::function<void()> ready) {
  const std::shared_ptr<@Name@Connection> connection = connection_;
  const std::shared_ptr<Channel> channel = channel_;
  {
    l2p::MutexLock lock(connection->mutex_);
    channel->when_writable = std::move(ready);
  }
  connection->Tell(channel);
}

}  // namespace @name@
