#ifndef L2P_MULTIADDR_H_
#define L2P_MULTIADDR_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "l2p/peer_id.h"

namespace l2p {

// A Multiaddr is an address that says how it is spoken: /ip4/127.0.0.1/tcp/4422/p2p/12D3KooW...
// (https://github.com/multiformats/multiaddr). A value, kept in binary form; any thread.
// Known: ip4 ip6 ip6zone tcp udp dns dns4 dns6 dnsaddr p2p p2p-circuit quic-v1 ws wss tls sni http
// https http-path unix memory. Binary form at most 1,024 bytes.
class L2P_SDK_API Multiaddr {
 public:
  struct Part {
    std::string protocol;  // "ip4"
    std::string value;     // Text, "127.0.0.1"; empty for protocols without a value.
  };

  Multiaddr() = default;  // Empty; only for containers.

  // InvalidArgument names the part that is wrong.
  static absl::StatusOr<Multiaddr> FromString(std::string_view text);
  static absl::StatusOr<Multiaddr> FromBinary(ByteView binary);

  // /ip4|ip6/<host>/tcp/<port>. REQUIRES: `host` is a numeric IPv4 or IPv6 address.
  static absl::StatusOr<Multiaddr> FromTcp(std::string_view host, uint16_t port);

  bool empty() const { return binary_.empty(); }
  ByteView binary() const { return AsBytes(binary_); }
  const std::string& bytes() const { return binary_; }
  std::string ToString() const;
  std::vector<Part> parts() const;

  // The value of the first part with this protocol.
  std::optional<std::string> Value(std::string_view protocol) const;

  // The id in a last part /p2p/<id>, and this address without or with such a part.
  std::optional<PeerId> peer() const;
  Multiaddr WithoutPeer() const;
  Multiaddr WithPeer(const PeerId& peer) const;

  // Where a numeric IP in the first part lies; kOther for names, memory, unix and unknown ranges
  // that are never dialled (multicast, reserved).
  enum class Scope { kLoopback, kPrivate, kPublic, kOther };
  Scope scope() const;

  friend bool operator==(const Multiaddr&, const Multiaddr&) = default;
  friend std::strong_ordering operator<=>(const Multiaddr& a, const Multiaddr& b) {
    return a.binary_.compare(b.binary_) <=> 0;
  }
  template <typename H>
  friend H AbslHashValue(H h, const Multiaddr& address) {
    return H::combine(std::move(h), address.binary_);
  }

 private:
  std::string binary_;
};

// A peer and where it may be reached (addresses without /p2p).
struct PeerInfo {
  PeerId id;
  std::vector<Multiaddr> addresses;

  friend bool operator==(const PeerInfo&, const PeerInfo&) = default;
};

}  // namespace l2p

#endif  // L2P_MULTIADDR_H_
