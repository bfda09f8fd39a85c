#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_MESSAGE_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_MESSAGE_H_

#include <string>
#include <vector>

#include "l2p/multiaddr.h"
#include "l2p/status.h"

namespace l2p::kademlia {

enum class MessageType : uint8_t {
  kPutValue = 0,
  kGetValue = 1,
  kAddProvider = 2,
  kGetProviders = 3,
  kFindNode = 4,
  kPing = 5,
};

// A message of kad-dht, without what l2p neither reads nor writes: value records, connection states
// and the cluster level.
struct Message {
  MessageType type = MessageType::kPutValue;
  std::string key;
  std::vector<PeerInfo> closer;
  std::vector<PeerInfo> providers;
};

// What is read of a message, whatever its length: peers past these counts are dropped.
inline constexpr size_t kMostCloser = 20;
inline constexpr size_t kMostProviders = 1000;
inline constexpr size_t kMostAddresses = 16;

std::string Encode(const Message& message);

// InvalidArgument when `bytes` are no such message. Peers with a bad id and addresses that cannot
// be used (unknown protocols, somebody else's /p2p, ranges nobody dials) are dropped one by one,
// for other implementations know more kinds than this one.
absl::StatusOr<Message> Decode(ByteView bytes);

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_MESSAGE_H_
