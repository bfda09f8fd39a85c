#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_MESSAGE_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_MESSAGE_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
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

// A peer as messages hold it.
struct PeerBody {
  std::string bytes;       // With its public addresses.
  bool is_public = false;  // It has some, and no others.

  static PeerBody Of(const PeerInfo& peer);
};

// Writes a message peer by peer, so that peers that others hold need not be copied. Closer ones
// come first.
class MessageWriter {
 public:
  // `public_only`: what is written of peers leaves out private and loopback addresses.
  MessageWriter(MessageType type, std::string_view key, bool public_only);

  // False, with nothing written, for one without addresses to tell.
  bool AddCloser(const PeerInfo& peer);
  // `body` is that of `peer`.
  bool AddCloser(const PeerInfo& peer, const PeerBody& body);
  void AddProvider(const PeerInfo& peer);

  std::string Take() && { return std::move(text_); }

 private:
  const bool public_only_;
  std::string text_;
  std::string body_;  // Of one peer; kept for its memory.
};

// InvalidArgument when `bytes` are no such message. Peers with a bad id and addresses that cannot
// be used (unknown protocols, somebody else's /p2p, ranges nobody dials) are dropped one by one,
// for other implementations know more kinds than this one.
absl::StatusOr<Message> Decode(ByteView bytes);

// The same without the closer peers whose ids (unchecked) `wants_closer` does not want.
absl::StatusOr<Message> Decode(ByteView bytes, absl::FunctionRef<bool(ByteView id)> wants_closer);

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_MESSAGE_H_
