// What a holder says of a group, by /l2p/health/1.0.0 (docs/protocol.md, "Health"). A request is
// the group's multihash, the answer a GroupStatus; no message when nothing of the group is held.
#ifndef L2P_GROUP_STATUS_H_
#define L2P_GROUP_STATUS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "l2p/event.h"
#include "l2p/peer_id.h"
#include "l2p/status.h"

namespace l2p {

inline constexpr char kHealthProtocol[] = "/l2p/health/1.0.0";

// A value.
struct GroupStatus {
  static constexpr size_t kMaxBytes = 64 * 1024;
  static constexpr size_t kMaxMembers = 200;
  static constexpr uint32_t kWholeCopy = 255;  // As a place.

  enum class Repair { kNone, kDue, kRunning };

  std::string record;  // The signed group record; empty when the holder has none.
  uint32_t place = kWholeCopy;
  uint64_t lost_blocks = 0;  // Of its own share.
  Time last_audit = absl::InfinitePast();
  Repair repair = Repair::kNone;

  // Everyone it believes to hold the group, itself left out.
  struct Member {
    PeerId peer;
    uint32_t place = kWholeCopy;
    bool counts = true;  // Within reach, and no audit failed.
  };
  std::vector<Member> members;
};

L2P_SDK_API std::string EncodeGroupStatus(const GroupStatus& status);
// InvalidArgument when it is malformed or over a cap.
L2P_SDK_API absl::StatusOr<GroupStatus> ParseGroupStatus(ByteView bytes);

}  // namespace l2p

#endif  // L2P_GROUP_STATUS_H_
