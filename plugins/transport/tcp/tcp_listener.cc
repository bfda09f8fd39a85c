#include "tcp_listener.h"

#include <Poco/Net/StreamSocketImpl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace l2p::tcp {
namespace {

constexpr int kAcceptsAtOnce = 64;

// After an error that a moment may cure: no descriptors left, no memory.
constexpr Duration kBackOff = absl::Milliseconds(200);

// The connection went away before it was accepted; the next one may be well.
bool OnlyThisOne(int error) {
  return error == ECONNABORTED || error == EINTR || error == EPROTO || error == ENETDOWN ||
         error == EHOSTUNREACH || error == ENETUNREACH;
}

}  // namespace

TcpListener::TcpListener(IoLoop& loop, std::function<Time()> clock, int descriptor,
                         OnAccepted on_accepted, std::function<void(const absl::Status&)> log)
    : loop_(loop),
      clock_(std::move(clock)),
      descriptor_(descriptor),
      on_accepted_(std::move(on_accepted)),
      log_(std::move(log)) {}

TcpListener::~TcpListener() { ::close(descriptor_); }

void TcpListener::OnAdded() { loop_.Watch(*this, EPOLLIN); }

void TcpListener::OnWake() {
  if (closing_) loop_.Remove(*this);
}

void TcpListener::OnTimer() { loop_.Watch(*this, EPOLLIN); }

void TcpListener::OnReady(uint32_t) {
  for (int i = 0; i < kAcceptsAtOnce && !closing_; ++i) {
    sockaddr_storage storage{};
    socklen_t size = sizeof(storage);
    auto* name = reinterpret_cast<sockaddr*>(&storage);
    const int accepted = ::accept4(descriptor_, name, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (accepted >= 0) {
      on_accepted_(Poco::Net::StreamSocket(new Poco::Net::StreamSocketImpl(accepted)),
                   Poco::Net::SocketAddress(name, size));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return;
    if (OnlyThisOne(errno)) continue;
    log_(ErrnoStatus(errno, "accept"));
    loop_.Watch(*this, 0);
    loop_.SetTimer(*this, clock_() + kBackOff);
    return;
  }
}

}  // namespace l2p::tcp
