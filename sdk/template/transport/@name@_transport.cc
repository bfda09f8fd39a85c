// The handshake, the same in both directions, both sides at once:
//   hello := nonce:32 length:1 public-key     length: of the key, a libp2p PublicKey
//   proof := signature:64
// The signature is of "@name@", "d" (by who dials) or "l" (by who listens), the other's nonce and
// the own one.
// Frames follow (@name@_connection.cc).
#include "@name@_transport.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace @name@ {
namespace {

constexpr size_t kNonce = 32;
constexpr size_t kSignature = 64;
constexpr size_t kMostConnections = 200;
constexpr l2p::Duration kHandshakeLimit = absl::Seconds(10);
constexpr l2p::Duration kGlance = absl::Milliseconds(100);  // Between looks at whether to stop.

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

// Of /ip4|ip6/<host>/tcp/<port>, and of nothing else.
std::optional<std::pair<std::string, uint16_t>> HostAndPort(const l2p::Multiaddr& address) {
  const std::vector<l2p::Multiaddr::Part> parts = address.parts();
  if (parts.size() != 2 || parts[1].protocol != "tcp") return std::nullopt;
  if (parts[0].protocol != "ip4" && parts[0].protocol != "ip6") return std::nullopt;
  return std::pair{parts[0].value, static_cast<uint16_t>(std::stoi(parts[1].value))};
}

std::optional<SocketAddress> SocketAddressOf(const l2p::Multiaddr& address) {
  const auto place = HostAndPort(address);
  if (!place) return std::nullopt;
  SocketAddress out;
  auto* four = reinterpret_cast<sockaddr_in*>(&out.storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&out.storage);
  if (::inet_pton(AF_INET, place->first.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(place->second);
    out.size = sizeof *four;
  } else {
    ::inet_pton(AF_INET6, place->first.c_str(), &six->sin6_addr);
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(place->second);
    out.size = sizeof *six;
  }
  return out;
}

// `name` is getsockname or getpeername.
l2p::Multiaddr AddressOf(int socket, int (*name)(int, sockaddr*, socklen_t*)) {
  SocketAddress address;
  address.size = sizeof address.storage;
  char text[INET6_ADDRSTRLEN] = "0.0.0.0";
  uint16_t port = 0;
  if (name(socket, address.get(), &address.size) == 0) {
    const auto* four = reinterpret_cast<sockaddr_in*>(&address.storage);
    const auto* six = reinterpret_cast<sockaddr_in6*>(&address.storage);
    const bool is_six = address.storage.ss_family == AF_INET6;
    const void* bytes = is_six ? static_cast<const void*>(&six->sin6_addr) : &four->sin_addr;
    ::inet_ntop(address.storage.ss_family, bytes, text, sizeof text);
    port = ntohs(is_six ? six->sin6_port : four->sin_port);
  }
  return *l2p::Multiaddr::FromTcp(text, port);
}

// A socket of which one task reads and writes, until its deadline.
class Talk {
 public:
  Talk(l2p::Host& host, int socket, l2p::Time deadline, std::function<bool()> stopping)
      : host_(host), socket_(socket), deadline_(deadline), stopping_(std::move(stopping)) {}

  absl::Status AwaitReady(int16_t events) {
    while (!stopping_()) {
      const l2p::Duration left = deadline_ - host_.Now();
      if (left <= absl::ZeroDuration()) {
        return absl::DeadlineExceededError("connect: the other side is silent");
      }
      pollfd entry{socket_, events, 0};
      const auto limit = absl::ToInt64Milliseconds(std::min(left, kGlance)) + 1;
      if (::poll(&entry, 1, static_cast<int>(limit)) > 0) return absl::OkStatus();
    }
    return absl::AbortedError("connect: the node is stopping");
  }

  absl::Status Write(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent >= 0) text.remove_prefix(static_cast<size_t>(sent));
      if (sent < 0 && errno != EAGAIN && errno != EINTR) return Failure();
      if (sent < 0) {
        if (absl::Status ready = AwaitReady(POLLOUT); !ready.ok()) return ready;
      }
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::string> Read(size_t size) {
    std::string text(size, '\0');
    for (size_t have = 0; have < size;) {
      const ssize_t got = ::recv(socket_, text.data() + have, size - have, 0);
      if (got == 0) return absl::UnavailableError("connect: the other side closed");
      if (got < 0 && errno != EAGAIN && errno != EINTR) return Failure();
      if (got > 0) have += static_cast<size_t>(got);
      if (got < 0) {
        if (absl::Status ready = AwaitReady(POLLIN); !ready.ok()) return ready;
      }
    }
    return text;
  }

  static absl::Status Failure() {
    return absl::UnavailableError(std::string("connect: ") + std::strerror(errno));
  }

 private:
  l2p::Host& host_;
  const int socket_;
  const l2p::Time deadline_;
  const std::function<bool()> stopping_;
};

}  // namespace

@Name@Transport::@Name@Transport(l2p::Host& host)
    : host_(host), tasks_(host.tasks(), host.NewEvent()) {}

@Name@Transport::~@Name@Transport() = default;

absl::Status @Name@Transport::Start(l2p::Inbound& inbound) {
  inbound_ = &inbound;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<l2p::Multiaddr>> @Name@Transport::Listen(const l2p::Multiaddr& address) {
  const auto place = HostAndPort(address);
  if (!place)
    return absl::InvalidArgumentError(address.ToString() + " is not /ip4|ip6/.../tcp/...");
  if (place->first == "0.0.0.0" || place->first == "::") {
    return absl::InvalidArgumentError("listen on the address of one interface, not on " +
                                      place->first);
  }
  // Listening sockets belong to the kernel, which lends them.
  auto* const listeners = static_cast<l2p::Listeners*>(host_.Query(l2p::Listeners::kAbility));
  if (listeners == nullptr) return absl::UnimplementedError("there are no sockets here");
  const absl::StatusOr<int> lent = listeners->Lend(place->first, place->second);
  if (!lent.ok()) return lent.status();
  const int listener = ::dup(*lent);
  const absl::Status started =
      tasks_.Start("@name@ listens", [this, listener] { AcceptFrom(listener); });
  if (!started.ok()) {
    ::close(listener);
    return started;
  }
  return std::vector{AddressOf(listener, ::getsockname)};
}

void @Name@Transport::AcceptFrom(int listener) {
  const auto listening = [this] {
    l2p::MutexLock lock(mutex_);
    return listening_;
  };
  while (listening()) {
    pollfd entry{listener, POLLIN, 0};
    if (::poll(&entry, 1, static_cast<int>(absl::ToInt64Milliseconds(kGlance))) <= 0) continue;
    const int socket = ::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket < 0) continue;
    const absl::Status started =
        listening() ? tasks_.Start("@name@ welcomes", [this, socket] { Welcome(socket); })
                    : absl::AbortedError("stopped");
    if (!started.ok()) ::close(socket);
  }
  ::close(listener);
}

// From its first byte to its last an inbound connection is one task.
void @Name@Transport::Welcome(int socket) {
  const auto connection =
      Greet(socket, false, AddressOf(socket, ::getpeername), host_.Now() + kHandshakeLimit);
  if (!connection.ok() || !Keep(*connection).ok()) return;
  if (inbound_->OnConnection(*connection)) (*connection)->Run(*inbound_);
}

bool @Name@Transport::CanDial(const l2p::Multiaddr& address) const {
  return HostAndPort(address).has_value();
}

absl::StatusOr<std::shared_ptr<l2p::Connection>> @Name@Transport::Dial(
    const l2p::Multiaddr& address, const std::optional<l2p::PeerId>& expected, l2p::Time deadline) {
  std::optional<SocketAddress> to = SocketAddressOf(address);
  if (!to) return absl::InvalidArgumentError("cannot dial " + address.ToString());
  if (host_.Now() >= deadline) return absl::DeadlineExceededError("dial: the deadline has passed");
  const int socket = ::socket(to->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (socket < 0) return Talk::Failure();
  if (::connect(socket, to->get(), to->size) != 0 && errno != EINPROGRESS) {
    const absl::Status failure = Talk::Failure();
    ::close(socket);
    return failure;
  }
  const auto connection = Greet(socket, true, address, deadline);
  if (!connection.ok()) return connection.status();
  if (expected && *expected != (*connection)->peer()) {
    return absl::DataLossError(address.ToString() + " is " + (*connection)->peer().ToString());
  }
  if (absl::Status kept = Keep(*connection); !kept.ok()) return kept;
  const absl::Status begun =
      tasks_.Start("@name@ connection", [this, runs = *connection] { runs->Run(*inbound_); });
  if (!begun.ok()) return begun;
  return *connection;
}

absl::StatusOr<std::shared_ptr<@Name@Connection>> @Name@Transport::Greet(int socket, bool outbound,
                                                                       l2p::Multiaddr remote,
                                                                       l2p::Time deadline) {
  Talk talk(host_, socket, std::min(deadline, host_.Now() + kHandshakeLimit),
            [this] { return stopping(); });
  const auto greet = [&]() -> absl::StatusOr<l2p::PeerId> {
    if (absl::Status ready = talk.AwaitReady(POLLOUT); !ready.ok()) return ready;
    const int yes = 1;
    ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    std::array<uint8_t, kNonce> own;
    host_.Random(own);
    const std::string nonce(l2p::AsText(own));
    const std::string key(l2p::AsText(host_.identity().public_key()));
    absl::Status written = talk.Write(nonce + static_cast<char>(key.size()) + key);
    if (!written.ok()) return written;
    const auto hello = talk.Read(kNonce + 1);
    if (!hello.ok()) return hello.status();
    const auto their_key = talk.Read(static_cast<uint8_t>(hello->back()));
    if (!their_key.ok()) return their_key.status();
    const std::string theirs = hello->substr(0, kNonce);

    const auto text = [](bool dials, const std::string& other, const std::string& self) {
      return std::string("@name@") + (dials ? "d" : "l") + other + self;
    };
    const auto proof = host_.identity().Sign(l2p::AsBytes(text(outbound, theirs, nonce)));
    if (!proof.ok()) return proof.status();
    if (written = talk.Write(*proof); !written.ok()) return written;
    const auto their_proof = talk.Read(kSignature);
    if (!their_proof.ok()) return their_proof.status();
    const absl::Status verified = host_.crypto().Verify(
        l2p::AsBytes(*their_key), l2p::AsBytes(text(!outbound, nonce, theirs)),
        l2p::AsBytes(*their_proof));
    if (!verified.ok()) return absl::UnavailableError("connect: the other side proves no id");
    return l2p::PeerId::OfPublicKey(l2p::AsBytes(*their_key));
  };
  const absl::StatusOr<l2p::PeerId> peer = greet();
  if (!peer.ok()) {
    ::close(socket);
    return peer.status();
  }
  return std::make_shared<@Name@Connection>(
      host_, socket,
      @Name@Connection::Ends{*peer, std::move(remote), AddressOf(socket, ::getsockname), outbound});
}

absl::Status @Name@Transport::Keep(const std::shared_ptr<@Name@Connection>& connection) {
  l2p::MutexLock lock(mutex_);
  std::erase_if(connections_, [](const auto& each) { return each.expired(); });
  if (stopping_) return absl::AbortedError("connect: the node is stopping");
  if (connections_.size() >= kMostConnections) {
    return absl::ResourceExhaustedError("connect: too many connections");
  }
  connections_.push_back(connection);
  return absl::OkStatus();
}

bool @Name@Transport::stopping() {
  l2p::MutexLock lock(mutex_);
  return stopping_;
}

void @Name@Transport::StopListening() {
  l2p::MutexLock lock(mutex_);
  listening_ = false;
}

void @Name@Transport::Stop() {
  std::vector<std::weak_ptr<@Name@Connection>> connections;
  {
    l2p::MutexLock lock(mutex_);
    listening_ = false;
    stopping_ = true;
    connections.swap(connections_);
  }
  for (const auto& each : connections) {
    if (const auto connection = each.lock()) connection->Close();
  }
  tasks_.Join();
}

}  // namespace @name@
