#include "tcp_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "addresses.h"
#include "tcp_stream.h"

namespace l2p::tcp {
namespace {

// The kernel takes no more unsent bytes than this, so that what is urgent does not queue there.
constexpr int kUnsentInKernel = 128 * 1024;
constexpr int kMaxDrains = 64;

void SetOption(int descriptor, int option, int value) {
  // Both options only tune; a socket without them works.
  ::setsockopt(descriptor, IPPROTO_TCP, option, &value, sizeof(value));
}

}  // namespace

TcpConnection::TcpConnection(std::shared_ptr<TcpContext> context, std::shared_ptr<IoLoop> loop,
                             Poco::Net::StreamSocket socket, Ends ends)
    : context_(std::move(context)),
      loop_(std::move(loop)),
      outbound_(false),
      ends_(std::move(ends)),
      socket_(std::move(socket)),
      descriptor_(socket_.impl()->sockfd()),
      connecting_(false),
      upgrade_(std::make_unique<Upgrade>(*context_->tls, /*dialer=*/false, std::nullopt)),
      session_(/*dialer=*/false, context_->limits) {
  ++context_->handshakes;
}

TcpConnection::TcpConnection(std::shared_ptr<TcpContext> context, std::shared_ptr<IoLoop> loop,
                             Poco::Net::StreamSocket socket, Multiaddr remote,
                             std::optional<PeerId> expected)
    : context_(std::move(context)),
      loop_(std::move(loop)),
      outbound_(true),
      ends_{Multiaddr(), std::move(remote)},
      socket_(std::move(socket)),
      descriptor_(socket_.impl()->sockfd()),
      connecting_(true),
      upgrade_(std::make_unique<Upgrade>(*context_->tls, /*dialer=*/true, std::move(expected))),
      session_(/*dialer=*/true, context_->limits),
      opened_(context_->host.NewEvent()) {}

TcpConnection::~TcpConnection() = default;

absl::Status TcpConnection::AwaitOpen(Time deadline) {
  absl::Status result;
  const bool in_time = Await(mutex_, *opened_, deadline, [&]() L2P_REQUIRES(mutex_) {
    if (state_ == State::kClosed) result = why_;
    return state_ != State::kOpening;
  });
  if (in_time) return result;
  bool stands;
  {
    MutexLock lock(mutex_);
    stands = state_ == State::kOpen;
    if (!stands) close_wanted_ = true;
  }
  if (stands) return absl::OkStatus();
  WakeLoop();
  return absl::DeadlineExceededError(absl::StrCat("dial ", ends_.remote.ToString(), ": timed out"));
}

absl::StatusOr<std::unique_ptr<Stream>> TcpConnection::Open(std::string_view protocol) {
  const Time now = context_->host.Now();
  auto initiator = std::make_unique<MultistreamInitiator>(std::string(protocol));
  YamuxChannel* channel;
  {
    MutexLock lock(mutex_);
    if (state_ != State::kOpen || close_wanted_) {
      return absl::UnavailableError(absl::StrCat("connection to ", peer_.ToString(), ": closed"));
    }
    L2P_ASSIGN_OR_RETURN(channel, session_.Open(now));
    session_.Write(*channel, Bytes::Of(initiator->Opening()));
    channel->initiator = std::move(initiator);
  }
  return std::make_unique<TcpStream>(shared_from_this(), *channel);
}

void TcpConnection::Close() {
  {
    MutexLock lock(mutex_);
    close_wanted_ = true;
  }
  WakeLoop();
}

size_t TcpConnection::streams() const {
  MutexLock lock(mutex_);
  return session_.streams();
}

bool TcpConnection::IsClosed() const {
  MutexLock lock(mutex_);
  return state_ == State::kClosed;
}

void TcpConnection::OnAdded() {
  SetOption(descriptor_, TCP_NODELAY, 1);
  SetOption(descriptor_, TCP_NOTSENT_LOWAT, kUnsentInKernel);
  loop_->SetTimer(*this, context_->host.Now() + context_->handshake_timeout);
  WatchSocket();
}

void TcpConnection::OnReady(uint32_t events) {
  if (connecting_) {
    OnConnected();
  } else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
    OnInput();
  }
  if (IsClosed()) return;
  if (events & EPOLLOUT) Flush();
  Pump();
}

void TcpConnection::OnConnected() {
  int error = 0;
  socklen_t size = sizeof(error);
  if (::getsockopt(descriptor_, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
  if (error != 0) {
    const std::string what = absl::StrCat("connect to ", ends_.remote.ToString());
    return End(absl::UnavailableError(ErrnoStatus(error, what).message()));
  }
  connecting_ = false;
  const auto local = LocalAddress(descriptor_);
  if (local.ok()) ends_.local = ToMultiaddr(*local);
  loop_->SetTimer(*this, context_->host.Now() + context_->handshake_timeout);
  AdvanceUpgrade({});
}

void TcpConnection::OnInput() {
  const MutableByteView buffer = loop_->input();
  const ssize_t count = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    return End(absl::UnavailableError(ErrnoStatus(errno, "receive").message()));
  }
  if (count == 0) {
    return End(
        absl::UnavailableError(got_frames_ || upgrade_ != nullptr || !outbound_
                                   ? "closed by the peer"
                                   : "closed by the peer, which may not accept our identity"));
  }
  context_->received_bytes->Add(count);
  Take(ByteView(buffer).first(static_cast<size_t>(count)));
}

void TcpConnection::Take(ByteView ciphertext) {
  if (upgrade_ != nullptr) {
    AdvanceUpgrade(ciphertext);
  } else {
    tls_->Feed(ciphertext);
  }
  if (upgrade_ == nullptr && !IsClosed()) TakePlaintext();
}

void TcpConnection::AdvanceUpgrade(ByteView in) {
  std::string out;
  const absl::StatusOr<bool> done = upgrade_->Advance(in, out);
  Send(AsBytes(out));
  if (IsClosed()) return;
  if (!done.ok()) return End(done.status());
  if (!*done) return;
  tls_ = upgrade_->TakeTls();
  upgrade_.reset();
  peer_ = tls_->peer();
  OnUpgraded();
}

void TcpConnection::OnUpgraded() {
  const Time now = context_->host.Now();
  bool abandoned;
  {
    MutexLock lock(mutex_);
    abandoned = close_wanted_;
    if (!abandoned) {
      state_ = State::kOpen;
      session_.Ping(now);
    }
  }
  if (abandoned) return End(absl::AbortedError("nobody waits for this dial any more"));
  if (!outbound_) --context_->handshakes;
  context_->open->Add(1);
  next_ping_ = now + context_->keepalive;
  ScheduleTimer(now);
  if (outbound_) {
    opened_->Set();
  } else if (!context_->inbound->OnConnection(shared_from_this())) {
    End(absl::ResourceExhaustedError("this node takes no further connection"));
  }
}

// Lets TLS decrypt straight into the memory of a reader that waits.
void TcpConnection::TakePlaintext() {
  const Time now = context_->host.Now();
  absl::StatusOr<size_t> count = 0;
  absl::Status status;
  do {
    MutableByteView target;
    {
      MutexLock lock(mutex_);
      target = session_.InputTarget(loop_->plaintext());
    }
    count = tls_->Read(target);
    MutexLock lock(mutex_);
    status = session_.Received(count.value_or(0), now);
  } while (status.ok() && count.ok() && *count > 0);
  got_frames_ = true;
  {
    MutexLock lock(mutex_);
    session_.EndInput();
  }
  if (!status.ok() || !count.ok()) {
    Negotiate();  // What came before the end still counts.
    End(status.ok() ? count.status() : status);
  }
}

void TcpConnection::Pump() {
  if (upgrade_ == nullptr && !IsClosed()) Negotiate();
  if (upgrade_ == nullptr && !IsClosed()) SendFrames();
  RunCallbacks();
  if (!IsClosed()) WatchSocket();
}

void TcpConnection::SendFrames() {
  SendTlsOutput();
  while (unsent_.empty() && !IsClosed()) {
    size_t count;
    {
      MutexLock lock(mutex_);
      count = session_.FillOutput(loop_->output());
    }
    if (count == 0) return;
    tls_->output().swap(loop_->ciphertext());  // So that no connection keeps so large a buffer.
    const absl::Status written = tls_->Write(ByteView(loop_->output()).first(count));
    tls_->output().swap(loop_->ciphertext());
    Send(AsBytes(loop_->ciphertext()));
    loop_->ciphertext().clear();
    if (!written.ok()) return End(written);
  }
}

// What TLS itself has to say: alerts, answers to key updates.
void TcpConnection::SendTlsOutput() {
  if (tls_->output().empty()) return;
  const std::string out = std::exchange(tls_->output(), {});
  Send(AsBytes(out));
}

void TcpConnection::Send(ByteView bytes) {
  if (!unsent_.empty()) {
    unsent_ += AsText(bytes);
    return;
  }
  while (!bytes.empty()) {
    const ssize_t count =
        ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0) {
      if (errno == EINTR) continue;
      // A broken pipe shows on the next read, after what the peer still sent.
      if (errno == EAGAIN) unsent_ = AsText(bytes);
      return;
    }
    context_->sent_bytes->Add(count);
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
}

void TcpConnection::Flush() {
  if (unsent_.empty()) return;
  const std::string pending = std::exchange(unsent_, {});
  Send(AsBytes(pending));
}

void TcpConnection::WatchSocket() {
  const bool writing = connecting_ || !unsent_.empty();
  loop_->Watch(*this, (connecting_ ? 0u : EPOLLIN) | (writing ? EPOLLOUT : 0u));
}

void TcpConnection::OnWake() {
  bool close;
  {
    MutexLock lock(mutex_);
    close = close_wanted_;
  }
  if (!close) return Pump();
  if (upgrade_ == nullptr) {
    Negotiate();
    SendFrames();
  }
  if (!IsClosed()) End(absl::AbortedError("closed by this side"));
}

void TcpConnection::OnTimer() {
  const Time now = context_->host.Now();
  if (upgrade_ != nullptr) {
    return End(absl::DeadlineExceededError(connecting_ ? "connect: timed out"
                                                       : "handshake: took too long"));
  }
  const bool ping_due = now >= next_ping_;
  bool dead = false;
  {
    MutexLock lock(mutex_);
    session_.ResetNegotiatingSince(now - context_->handshake_timeout);
    if (ping_due) {
      dead = !session_.answered() && session_.received_bytes() == received_at_ping_;
      received_at_ping_ = session_.received_bytes();
      if (session_.answered()) session_.Ping(now);
    }
  }
  if (dead) return End(absl::UnavailableError("the peer does not answer any more"));
  if (ping_due) next_ping_ = now + context_->keepalive;
  ScheduleTimer(now);
  Pump();
}

void TcpConnection::ScheduleTimer(Time now) {
  loop_->SetTimer(*this, std::min(next_ping_, now + context_->handshake_timeout));
}

void TcpConnection::OnStop() {
  if (!IsClosed()) End(absl::AbortedError("the transport stops"));
}

void TcpConnection::End(absl::Status why) {
  State before;
  {
    MutexLock lock(mutex_);
    if (state_ == State::kClosed) return;
    before = std::exchange(state_, State::kClosed);
    why_ = why;
    session_.GoAway(absl::IsInvalidArgument(why) ? 1 : 0);
    session_.Fail();
  }
  Farewell(why);
  CloseSocket();
  if (before == State::kOpening) {
    if (!outbound_) --context_->handshakes;
    context_->failed_handshakes->Add(1);
  }
  if (outbound_) opened_->Set();
  RunCallbacks();
  if (before != State::kOpen) return;
  context_->open->Add(-1);
  context_->inbound->OnClosed(shared_from_this(), std::move(why));
}

// As much as the socket takes at once; the other side may be gone.
void TcpConnection::Farewell(const absl::Status& why) {
  if (tls_ == nullptr || absl::IsUnavailable(why)) return;
  Flush();
  size_t count;
  {
    MutexLock lock(mutex_);
    count = session_.FillOutput(loop_->output());
  }
  if (tls_->Write(ByteView(loop_->output()).first(count)).ok()) tls_->Close();
  SendTlsOutput();
}

void TcpConnection::CloseSocket() {
  loop_->Remove(*this);
  // A socket closed over unread bytes sends a reset, and that overtakes what was sent before it.
  ::shutdown(descriptor_, SHUT_WR);
  for (int i = 0; i < kMaxDrains; ++i) {
    const MutableByteView buffer = loop_->input();
    if (::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT) <= 0) break;
  }
  descriptor_ = -1;
  socket_ = Poco::Net::StreamSocket();
  unsent_ = {};
  upgrade_.reset();
  tls_.reset();
}

}  // namespace l2p::tcp
