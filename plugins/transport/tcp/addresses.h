#ifndef L2P_PLUGINS_TRANSPORT_TCP_ADDRESSES_H_
#define L2P_PLUGINS_TRANSPORT_TCP_ADDRESSES_H_

#include <Poco/Net/SocketAddress.h>

#include <optional>
#include <vector>

#include "l2p/multiaddr.h"
#include "l2p/status.h"

namespace l2p::tcp {

// Whether `address` is /ip4|ip6|dns|dns4|dns6/<host>/tcp/<port>, perhaps with /p2p/<peer>.
bool IsTcp(const Multiaddr& address);

// The numeric addresses behind `address`; a name is looked up, which may wait. InvalidArgument when
// it is not such an address; Unavailable when the name is unknown.
absl::StatusOr<std::vector<Poco::Net::SocketAddress>> Resolve(const Multiaddr& address);

// /ip4|ip6/.../tcp/...; an IPv4 address mapped into IPv6 becomes /ip4.
Multiaddr ToMultiaddr(const Poco::Net::SocketAddress& address);

// Where others can dial a socket bound to `bound`: itself, or, for the unspecified address, one for
// each interface that is up, loopback included.
absl::StatusOr<std::vector<Multiaddr>> DialableAddresses(const Poco::Net::SocketAddress& bound);

// The address a socket is bound to.
absl::StatusOr<Poco::Net::SocketAddress> LocalAddress(int descriptor);

}  // namespace l2p::tcp

#endif  // L2P_PLUGINS_TRANSPORT_TCP_ADDRESSES_H_
