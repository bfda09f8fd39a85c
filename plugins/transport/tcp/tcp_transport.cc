#include "tcp_transport.h"

#include <Poco/Exception.h>
#include <Poco/Net/ServerSocket.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "addresses.h"
#include "l2p/listeners.h"

namespace l2p::tcp {
namespace {

constexpr int kBacklog = 1024;

// X.509 wants a positive serial number; the top bit would make it negative.
uint64_t RandomSerial(Host& host) {
  std::array<uint8_t, 8> bytes;
  host.Random(bytes);
  uint64_t serial = 0;
  for (const uint8_t byte : bytes) serial = serial << 8 | byte;
  return (serial >> 1) | 1;
}

absl::Status Refused(std::string_view what, const Poco::Exception& error) {
  return absl::UnavailableError(absl::StrCat(av(what), ": ", error.displayText()));
}

absl::StatusOr<int> Duplicate(int descriptor) {
  const int copy = ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) return ErrnoStatus(errno, "duplicate a listening socket");
  return copy;
}

}  // namespace

TcpTransport::TcpTransport(Host& host, const Settings& settings)
    : host_(host),
      io_threads_(static_cast<size_t>(settings.Integer("io_threads"))),
      context_(std::make_shared<TcpContext>(host)) {
  context_->limits.max_streams = static_cast<size_t>(settings.Integer("max_streams"));
  context_->limits.window_max = static_cast<uint32_t>(settings.Integer("window_max"));
  context_->handshake_timeout = settings.GetDuration("handshake_timeout");
  context_->keepalive = settings.GetDuration("keepalive");
  context_->max_handshakes = static_cast<size_t>(settings.Integer("max_handshakes"));
  Metrics& metrics = host.metrics();
  context_->open = &metrics.Gauge("connections", "Connections that stand.");
  context_->failed_handshakes =
      &metrics.Counter("failed_handshakes_total", "Connections that ended before they stood.");
  context_->received_bytes = &metrics.Counter("received_bytes_total", "Bytes read from sockets.");
  context_->sent_bytes = &metrics.Counter("sent_bytes_total", "Bytes written to sockets.");
}

TcpTransport::~TcpTransport() { Stop(); }

absl::Status TcpTransport::Start(Inbound& inbound) {
  context_->inbound = &inbound;
  L2P_ASSIGN_OR_RETURN(context_->tls,
                       TlsContext::Make(host_.identity(), host_.crypto(), RandomSerial(host_),
                                        [this] { return host_.Now(); }));
  for (size_t i = 0; i < io_threads_; ++i) {
    loops_.push_back(std::make_shared<IoLoop>([this] { return host_.Now(); }));
    L2P_RETURN_IF_ERROR(loops_.back()->Start());
  }
  return absl::OkStatus();
}

std::shared_ptr<IoLoop> TcpTransport::NextLoop() { return loops_[next_loop_++ % loops_.size()]; }

absl::StatusOr<int> TcpTransport::OpenListener(const SocketAddress& address) {
  if (auto* lender = static_cast<Listeners*>(host_.Query(Listeners::kAbility))) {
    L2P_ASSIGN_OR_RETURN(const int lent, lender->Lend(address.host().toString(), address.port()));
    return Duplicate(lent);
  }
  const std::string what = absl::StrCat("listen on ", address.toString());
  try {
    Poco::Net::ServerSocket socket;
    if (address.family() == SocketAddress::IPv6) {
      socket.bind6(address, /*reuseAddress=*/true, /*ipV6Only=*/true);
    } else {
      socket.bind(address, /*reuseAddress=*/true);
    }
    socket.listen(kBacklog);
    socket.setBlocking(false);
    return Duplicate(socket.impl()->sockfd());
  } catch (const Poco::Exception& error) {
    return absl::FailedPreconditionError(absl::StrCat(what, ": ", error.displayText()));
  }
}

absl::StatusOr<std::vector<Multiaddr>> TcpTransport::Listen(const Multiaddr& address) {
  L2P_ASSIGN_OR_RETURN(const std::vector<SocketAddress> targets, Resolve(address));
  L2P_ASSIGN_OR_RETURN(const int descriptor, OpenListener(targets.front()));
  auto listener = std::make_shared<TcpListener>(
      *loops_.front(), [this] { return host_.Now(); }, descriptor,
      [this](Poco::Net::StreamSocket socket, const SocketAddress& remote) {
        OnAccepted(std::move(socket), remote);
      },
      [this](const absl::Status& error) { host_.Log(Severity::kWarning, error.ToString()); });
  L2P_ASSIGN_OR_RETURN(const SocketAddress bound, LocalAddress(descriptor));
  L2P_ASSIGN_OR_RETURN(std::vector<Multiaddr> addresses, DialableAddresses(bound));
  if (!loops_.front()->Add(listener)) return absl::AbortedError("the transport stops");
  MutexLock lock(mutex_);
  listeners_.push_back(std::move(listener));
  return addresses;
}

void TcpTransport::OnAccepted(Poco::Net::StreamSocket socket, const SocketAddress& remote) {
  if (context_->handshakes >= context_->max_handshakes) return;
  const absl::StatusOr<SocketAddress> local = LocalAddress(socket.impl()->sockfd());
  if (!local.ok()) return;
  const std::shared_ptr<IoLoop> loop = NextLoop();
  loop->Add(std::make_shared<TcpConnection>(
      context_, loop, std::move(socket),
      TcpConnection::Ends{ToMultiaddr(*local), ToMultiaddr(remote)}));
}

bool TcpTransport::CanDial(const Multiaddr& address) const { return IsTcp(address); }

absl::StatusOr<std::shared_ptr<Connection>> TcpTransport::Dial(
    const Multiaddr& address, const std::optional<PeerId>& expected, Time deadline) {
  L2P_ASSIGN_OR_RETURN(const std::vector<SocketAddress> targets, Resolve(address));
  absl::StatusOr<std::shared_ptr<Connection>> result = absl::UnavailableError("no address");
  for (const SocketAddress& target : targets) {
    result = DialOne(target, expected, deadline);
    if (result.ok() || host_.Now() >= deadline) break;
  }
  return result;
}

absl::StatusOr<std::shared_ptr<Connection>> TcpTransport::DialOne(
    const SocketAddress& target, const std::optional<PeerId>& expected, Time deadline) {
  // On one machine the handshake may be over before anyone has waited for it.
  if (host_.Now() >= deadline) {
    return absl::DeadlineExceededError(
        absl::StrCat("connect to ", target.toString(), ": out of time"));
  }
  Poco::Net::StreamSocket socket;
  try {
    socket.connectNB(target);
    ::fcntl(socket.impl()->sockfd(), F_SETFD, FD_CLOEXEC);
  } catch (const Poco::Exception& error) {
    return Refused(absl::StrCat("connect to ", target.toString()), error);
  }
  const std::shared_ptr<IoLoop> loop = NextLoop();
  auto connection = std::make_shared<TcpConnection>(context_, loop, std::move(socket),
                                                    ToMultiaddr(target), expected);
  if (!loop->Add(connection)) return absl::AbortedError("the transport stops");
  L2P_RETURN_IF_ERROR(connection->AwaitOpen(deadline));
  return connection;
}

void TcpTransport::StopListening() {
  std::vector<std::shared_ptr<TcpListener>> listeners;
  {
    MutexLock lock(mutex_);
    listeners.swap(listeners_);
  }
  for (const auto& listener : listeners) {
    listener->Close();
    loops_.front()->Wake(listener);
  }
}

void TcpTransport::Stop() {
  StopListening();
  for (const auto& loop : loops_) loop->Stop();
}

absl::StatusOr<std::unique_ptr<Transport>> OpenTcpTransport(Host& host, const Settings& settings) {
  return std::make_unique<TcpTransport>(host, settings);
}

}  // namespace l2p::tcp
