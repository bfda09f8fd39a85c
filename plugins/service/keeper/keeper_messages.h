// Messages of /l2p/keeper/1.0.0, with which the holders of groups keep an eye on each other
// (docs/protocol.md, "Keeping"). Protobuf wire format:
//
//   request := 1 message* range | 2 message claim | 3 message* member | 4 message leaf
//   answer  := 1 message* range | 2 bool granted | 4 message proof
//   range   := 1 bytes path  2 bytes digest  3 bytes digests  4 message* share  5 bool is_list
//   share   := 1 bytes group  2 varint place
//   claim   := 1 bytes group  2 varint seconds
//   member  := 1 bytes group  2 varint place  3 bytes peer
//   leaf    := 1 bytes* block  2 varint index
//   proof   := 1 bytes leaf  2 bytes* hash
#ifndef L2P_PLUGINS_SERVICE_KEEPER_KEEPER_MESSAGES_H_
#define L2P_PLUGINS_SERVICE_KEEPER_KEEPER_MESSAGES_H_

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "keep_rule.h"
#include "l2p/hash_tree.h"

namespace l2p::keeper {

inline constexpr char kProtocol[] = "/l2p/keeper/1.0.0";
inline constexpr size_t kMaxMessage = 256 << 10;

// XOR of the first 16 bytes of SHA-256(group, lower place, higher place) over shared groups; the
// lower place is that of the peer with the smaller id.
using Digest = std::array<uint8_t, 16>;
inline constexpr size_t kFanOut = 16;

// One group that its sender holds together with the receiver, and the sender's own place.
struct Share {
  Multihash group;
  Place place = kWhole;
};

// The shared groups whose position, SHA-256(group), begins with the nibbles of `path`: by digest,
// by the digests of its sixteen parts, or listed.
struct Range {
  static constexpr size_t kMaxPath = 12;
  static constexpr size_t kMaxListed = 64;  // Ranges of fewer are listed, not divided.
  static constexpr size_t kMaxRanges = 64;  // Of one message.

  std::string path;  // A nibble in each byte.
  std::optional<Digest> digest;
  std::optional<std::array<Digest, kFanOut>> digests;
  bool is_list = false;
  std::vector<Share> shares;
};

struct RepairClaim {
  Multihash group;
  Duration time;  // Whole seconds.
};

struct MemberHint {
  Multihash group;
  Place place = kWhole;
  PeerId peer;
};

// Leaf `index` of the bytes of `blocks`, one behind another. Without blocks it only measures the
// way.
struct LeafRequest {
  static constexpr size_t kMaxBlocks = 1024;
  std::vector<Multihash> blocks;
  uint64_t index = 0;
};

struct KeeperRequest {
  static constexpr size_t kMaxHints = 1024;
  std::vector<Range> ranges;
  std::optional<RepairClaim> claim;
  std::vector<MemberHint> hints;
  std::optional<LeafRequest> leaf;
};

struct KeeperAnswer {
  std::vector<Range> ranges;
  bool granted = false;
  std::optional<TreeProof> proof;
};

std::string Encode(const KeeperRequest& request);
std::string Encode(const KeeperAnswer& answer);
// InvalidArgument for what is malformed or over a cap. Fields that are not known are left out.
absl::StatusOr<KeeperRequest> ParseRequest(ByteView bytes);
absl::StatusOr<KeeperAnswer> ParseAnswer(ByteView bytes);

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_KEEPER_MESSAGES_H_
