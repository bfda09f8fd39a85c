#include "kernel/runtime/socket_listeners.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

absl::StatusOr<Address> ParseAddress(const std::string& host, uint16_t port) {
  Address address;
  auto* const v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (inet_pton(AF_INET, host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof *v4;
  } else if (inet_pton(AF_INET6, host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.size = sizeof *v6;
  } else {
    return absl::InvalidArgumentError(absl::StrCat("\"", host, "\" is not an IP address"));
  }
  return address;
}

bool Listen(int fd, const Address& address) {
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (address.storage.ss_family == AF_INET6) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  }
  return bind(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0 &&
         listen(fd, SOMAXCONN) == 0;
}

}  // namespace

SocketListeners::~SocketListeners() {
  for (const auto& [address, fd] : by_address_) close(fd);
}

absl::StatusOr<int> SocketListeners::Lend(const std::string& host, uint16_t port) {
  const std::string name = absl::StrCat(host, ":", port);
  const std::string what = absl::StrCat("listen on ", name);
  std::lock_guard lock(mutex_);
  if (const auto found = by_address_.find(name); found != by_address_.end()) return found->second;
  auto address = ParseAddress(host, port);
  if (!address.ok()) return WithContext(address.status(), what);
  const int fd =
      socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
  if (fd < 0) return ErrnoStatus(errno, what);
  if (!Listen(fd, *address)) {
    const int error = errno;
    close(fd);
    return ErrnoStatus(error, what);
  }
  by_address_[name] = fd;
  return fd;
}

}  // namespace l2p
