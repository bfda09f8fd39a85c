#include "networks.h"

#include <algorithm>

namespace l2p::kademlia {
namespace {

constexpr uint8_t kIp4Code = 4;
constexpr uint8_t kIp6Code = 41;

// The code and the first `size` bytes of the IP address that `binary` begins with.
uint64_t PrefixOf(ByteView binary, size_t size) {
  uint64_t prefix = 0;
  for (size_t i = 0; i <= size; ++i) prefix = prefix << 8 | binary[i];
  return prefix;
}

void SortEachOnce(Networks::List& networks) {
  std::sort(networks.begin(), networks.end());
  networks.erase(std::unique(networks.begin(), networks.end()), networks.end());
}

}  // namespace

Networks Networks::Of(const std::vector<Multiaddr>& addresses, bool all) {
  Networks networks;
  for (const Multiaddr& address : addresses) {
    const ByteView binary = address.binary();
    const bool is_ip4 = !binary.empty() && binary[0] == kIp4Code;
    const bool is_ip6 = !binary.empty() && binary[0] == kIp6Code;
    if (!is_ip4 && !is_ip6) continue;
    if (!all && address.scope() != Multiaddr::Scope::kPublic) continue;
    networks.narrow.push_back(PrefixOf(binary, is_ip4 ? 3 : 6));
    networks.wide.push_back(PrefixOf(binary, is_ip4 ? 2 : 4));
  }
  SortEachOnce(networks.narrow);
  SortEachOnce(networks.wide);
  return networks;
}

}  // namespace l2p::kademlia
