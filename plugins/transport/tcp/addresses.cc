#include "addresses.h"

#include <Poco/Exception.h>
#include <Poco/Net/DNS.h>
#include <Poco/Net/NetworkInterface.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace l2p::tcp {
namespace {

using Poco::Net::IPAddress;
using Poco::Net::NetworkInterface;
using Poco::Net::SocketAddress;

bool IsName(const std::string& protocol) {
  return protocol == "dns" || protocol == "dns4" || protocol == "dns6";
}

bool Wanted(const std::string& protocol, const IPAddress& ip) {
  if (protocol == "dns4") return ip.family() == IPAddress::IPv4;
  if (protocol == "dns6") return ip.family() == IPAddress::IPv6;
  return true;
}

absl::StatusOr<std::vector<SocketAddress>> LookUp(const Multiaddr::Part& host, uint16_t port) {
  std::vector<SocketAddress> found;
  try {
    const Poco::Net::HostEntry entry = Poco::Net::DNS::hostByName(host.value);
    for (const IPAddress& ip : entry.addresses()) {
      if (!Wanted(host.protocol, ip)) continue;
      const SocketAddress address(ip, port);
      if (std::find(found.begin(), found.end(), address) == found.end()) found.push_back(address);
    }
  } catch (const Poco::Exception& error) {
    return absl::UnavailableError(absl::StrCat("look up ", host.value, ": ", error.displayText()));
  }
  if (found.empty()) return absl::UnavailableError(absl::StrCat("look up ", host.value, ": empty"));
  return found;
}

}  // namespace

bool IsTcp(const Multiaddr& address) {
  const std::vector<Multiaddr::Part> parts = address.parts();
  if (parts.size() != 2 && !(parts.size() == 3 && parts[2].protocol == "p2p")) return false;
  const std::string& host = parts[0].protocol;
  return (host == "ip4" || host == "ip6" || IsName(host)) && parts[1].protocol == "tcp";
}

absl::StatusOr<std::vector<SocketAddress>> Resolve(const Multiaddr& address) {
  uint32_t port = 0;
  if (!IsTcp(address)) {
    return absl::InvalidArgumentError(absl::StrCat(address.ToString(), ": not a TCP address"));
  }
  const std::vector<Multiaddr::Part> parts = address.parts();
  if (!absl::SimpleAtoi(parts[1].value, &port) || port > UINT16_MAX) {
    return absl::InvalidArgumentError(absl::StrCat(address.ToString(), ": no port"));
  }
  if (IsName(parts[0].protocol)) return LookUp(parts[0], static_cast<uint16_t>(port));
  IPAddress ip;
  if (!IPAddress::tryParse(parts[0].value, ip)) {
    return absl::InvalidArgumentError(absl::StrCat(address.ToString(), ": no IP address"));
  }
  return std::vector<SocketAddress>{SocketAddress(ip, static_cast<uint16_t>(port))};
}

Multiaddr ToMultiaddr(const SocketAddress& address) {
  IPAddress ip = address.host();
  if (ip.family() == IPAddress::IPv6 && ip.isIPv4Mapped()) {
    const auto* bytes = static_cast<const uint8_t*>(ip.addr());
    ip = IPAddress(bytes + 12, 4);
  }
  std::string host = ip.toString();
  host = host.substr(0, host.find('%'));  // The zone of a link-local address.
  return Multiaddr::FromTcp(host, address.port()).value_or(Multiaddr());
}

absl::StatusOr<std::vector<Multiaddr>> DialableAddresses(const SocketAddress& bound) {
  if (!bound.host().isWildcard()) return std::vector<Multiaddr>{ToMultiaddr(bound)};
  std::vector<Multiaddr> addresses;
  try {
    for (const NetworkInterface& interface : NetworkInterface::list(true, true)) {
      const IPAddress& ip = interface.address();
      if (ip.family() != bound.host().family() || ip.isLinkLocal()) continue;
      addresses.push_back(ToMultiaddr(SocketAddress(ip, bound.port())));
    }
  } catch (const Poco::Exception& error) {
    return absl::UnavailableError(absl::StrCat("list interfaces: ", error.displayText()));
  }
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

absl::StatusOr<SocketAddress> LocalAddress(int descriptor) {
  sockaddr_storage storage{};
  socklen_t size = sizeof(storage);
  auto* name = reinterpret_cast<sockaddr*>(&storage);
  if (::getsockname(descriptor, name, &size) != 0) return ErrnoStatus(errno, "getsockname");
  return SocketAddress(name, size);
}

}  // namespace l2p::tcp
