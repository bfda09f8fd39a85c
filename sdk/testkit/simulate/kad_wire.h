#ifndef L2P_TESTKIT_SIMULATE_KAD_WIRE_H_
#define L2P_TESTKIT_SIMULATE_KAD_WIRE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "l2p/multiaddr.h"

namespace l2p::testkit {

// What a bystander reads of a kad-dht message. Views of the message.
struct KadGlance {
  static constexpr uint64_t kGetProviders = 3;
  static constexpr uint64_t kFindNode = 4;

  uint64_t type = 0;
  ByteView key;
  std::vector<ByteView> closer;  // Ids of peers.
};

// nullopt when `message` is none.
std::optional<KadGlance> GlanceAt(ByteView message);

// An answer to a request of this type and key that names `closer`.
std::string KadAnswer(const KadGlance& request, const std::vector<PeerInfo>& closer);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SIMULATE_KAD_WIRE_H_
