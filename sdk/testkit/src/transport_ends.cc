#include "transport_ends.h"

#include <utility>

#include "expect.h"

namespace l2p::testkit {

RecordingInbound::RecordingInbound(Host& host) : host_(host), event_(host.NewEvent()) {}

bool RecordingInbound::Accepts(std::string_view protocol) { return protocol == kTestProtocol; }

void RecordingInbound::RefuseConnections() {
  MutexLock lock(mutex_);
  refuse_ = true;
}

bool RecordingInbound::OnConnection(std::shared_ptr<Connection> connection) {
  MutexLock lock(mutex_);
  if (refuse_) return false;
  connections_.push_back(std::move(connection));
  event_->Set();
  return true;
}

void RecordingInbound::OnStream(const std::shared_ptr<Connection>& connection,
                                std::string_view protocol, std::unique_ptr<Stream> stream) {
  MutexLock lock(mutex_);
  late_calls_ += closed_.count(connection.get());
  streams_.push_back({connection, std::string(protocol), std::move(stream)});
  event_->Set();
}

void RecordingInbound::OnClosed(const std::shared_ptr<Connection>& connection, absl::Status) {
  MutexLock lock(mutex_);
  late_calls_ += !closed_.insert(connection.get()).second;
  ended_.push_back(connection);
  event_->Set();
}

absl::StatusOr<std::shared_ptr<Connection>> RecordingInbound::NextConnection() {
  std::shared_ptr<Connection> next;
  const bool in_time = Await(mutex_, *event_, host_.Now() + kPatience, [&]() L2P_REQUIRES(mutex_) {
    if (connections_.empty()) return false;
    next = std::move(connections_.front());
    connections_.pop_front();
    return true;
  });
  if (!in_time) return absl::DeadlineExceededError("OnConnection was not called");
  return next;
}

absl::StatusOr<RecordingInbound::Opened> RecordingInbound::NextStream() {
  Opened next;
  const bool in_time = Await(mutex_, *event_, host_.Now() + kPatience, [&]() L2P_REQUIRES(mutex_) {
    if (streams_.empty()) return false;
    next = std::move(streams_.front());
    streams_.pop_front();
    return true;
  });
  if (!in_time) return absl::DeadlineExceededError("OnStream was not called");
  return next;
}

absl::Status RecordingInbound::AwaitClosed(size_t count) {
  const bool in_time = Await(mutex_, *event_, host_.Now() + kPatience,
                             [&]() L2P_REQUIRES(mutex_) { return closed_.size() >= count; });
  if (in_time) return absl::OkStatus();
  return absl::DeadlineExceededError("OnClosed was not called");
}

size_t RecordingInbound::closed() {
  MutexLock lock(mutex_);
  return closed_.size();
}

size_t RecordingInbound::late_calls() {
  MutexLock lock(mutex_);
  return late_calls_;
}

TransportEnd::TransportEnd(World& world, size_t node)
    : world_(world), node_(node), host_(world.host(node)), inbound_(host_) {}

absl::StatusOr<std::unique_ptr<TransportEnd>> TransportEnd::Start(
    World& world, size_t node, const Factory<Transport>& factory) {
  std::unique_ptr<TransportEnd> end(new TransportEnd(world, node));
  absl::StatusOr<std::unique_ptr<Transport>> transport = factory(end->host_);
  if (!transport.ok()) return WithContext(transport.status(), "make a transport");
  end->transport_ = std::move(*transport);
  const absl::Status started = end->transport_->Start(end->inbound_);
  end->stopped_ = !started.ok();
  if (!started.ok()) return WithContext(started, "Start");
  return end;
}

TransportEnd::~TransportEnd() { Stop(); }

void TransportEnd::Stop() {
  if (!std::exchange(stopped_, true)) transport_->Stop();
}

absl::StatusOr<Multiaddr> TransportEnd::Listen() {
  const absl::StatusOr<std::vector<Multiaddr>> addresses =
      transport_->Listen(world_.listen_address(node_));
  if (!addresses.ok()) return WithContext(addresses.status(), "Listen");
  L2P_EXPECT(!addresses->empty(), "Listen returned no address");
  return addresses->front();
}

absl::StatusOr<Pair> Pair::Make(World& world, const Factory<Transport>& factory) {
  Pair pair;
  L2P_ASSIGN_OR_RETURN(pair.listener, TransportEnd::Start(world, 0, factory));
  L2P_ASSIGN_OR_RETURN(pair.dialer, TransportEnd::Start(world, 1, factory));
  L2P_ASSIGN_OR_RETURN(pair.address, pair.listener->Listen());
  absl::StatusOr<std::shared_ptr<Connection>> ours = pair.dialer->transport().Dial(
      pair.address, pair.listener->peer(), pair.dialer->In(kPatience));
  if (!ours.ok()) return WithContext(ours.status(), "Dial");
  pair.ours = std::move(*ours);
  L2P_ASSIGN_OR_RETURN(pair.theirs, pair.listener->inbound().NextConnection());
  return pair;
}

absl::StatusOr<Pair::Pipe> Pair::OpenPipe(std::string_view greeting, bool from_listener) {
  TransportEnd& near_end = from_listener ? *listener : *dialer;
  TransportEnd& far_end = from_listener ? *dialer : *listener;
  Pipe pipe;
  absl::StatusOr<std::unique_ptr<Stream>> near =
      (from_listener ? theirs : ours)->Open(kTestProtocol);
  if (!near.ok()) return WithContext(near.status(), "Open");
  pipe.near = std::move(*near);
  // The offer of a protocol travels with the first bytes, so there have to be some.
  L2P_RETURN_IF_ERROR(
      WriteText(*pipe.near, greeting.empty() ? "." : greeting, near_end.In(kPatience)));
  L2P_ASSIGN_OR_RETURN(RecordingInbound::Opened far, far_end.inbound().NextStream());
  L2P_EXPECT(far.protocol == kTestProtocol, "OnStream names the protocol ", far.protocol);
  pipe.far = std::move(far.stream);
  if (greeting.empty()) {
    L2P_RETURN_IF_ERROR(ReadExactly(*pipe.far, 1, near_end.In(kPatience)).status());
  }
  return pipe;
}

absl::Status WriteText(Stream& stream, std::string_view text, Time deadline) {
  const Bytes bytes = Bytes::Copy(text);
  return WithContext(stream.Write({&bytes, 1}, deadline), "Write");
}

absl::StatusOr<std::string> ReadExactly(Stream& stream, size_t size, Time deadline) {
  std::string bytes(size, '\0');
  for (size_t have = 0; have < size;) {
    const absl::StatusOr<size_t> got =
        stream.Read({reinterpret_cast<uint8_t*>(bytes.data()) + have, size - have}, deadline);
    if (!got.ok()) {
      return WithContext(got.status(), absl::StrCat("Read after ", have, " of ", size, " bytes"));
    }
    L2P_EXPECT(*got > 0, "the stream ended after ", have, " of ", size, " bytes");
    L2P_EXPECT(*got <= size - have, "Read gave more bytes than there was room for");
    have += *got;
  }
  return bytes;
}

absl::StatusOr<std::string> ReadToEnd(Stream& stream, Time deadline) {
  std::string bytes;
  for (;;) {
    uint8_t part[4096];
    const absl::StatusOr<size_t> got = stream.Read(part, deadline);
    if (!got.ok()) {
      return WithContext(got.status(), absl::StrCat("Read after ", bytes.size(), " bytes"));
    }
    if (*got == 0) return bytes;
    bytes.append(reinterpret_cast<const char*>(part), *got);
  }
}

absl::Status ExpectBroken(Stream& stream, Time deadline, std::string_view what) {
  for (;;) {
    uint8_t part[4096];
    const absl::StatusOr<size_t> got = stream.Read(part, deadline);
    L2P_EXPECT(!got.ok() || *got > 0, av(what), ": Read gave an orderly end, wanted Unavailable");
    if (!got.ok()) return ExpectCode(got.status(), absl::StatusCode::kUnavailable, what);
  }
}

bool Eventually(Host& host, const std::function<bool()>& wanted) {
  const Time deadline = host.Now() + kPatience;
  const std::unique_ptr<Event> never = host.NewEvent();
  while (!wanted()) {
    if (host.Now() >= deadline) return false;
    never->Wait(host.Now() + absl::Milliseconds(5));
  }
  return true;
}

}  // namespace l2p::testkit
