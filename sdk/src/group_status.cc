// status := 1 bytes record   2 varint place   3 varint lost blocks   4 varint last audit (Unix
//           seconds; absent: never)   5 varint repair (0 none, 1 due, 2 running)   6 message*
//           member
// member := 1 bytes peer   2 varint place   3 bool counts
#include "l2p/group_status.h"

#include "l2p/protobuf_wire.h"

namespace l2p {
namespace {

constexpr uint64_t kMaxUnixSeconds = uint64_t{1} << 40;

absl::Status Bad() { return absl::InvalidArgumentError("malformed group status"); }

absl::Status ReadPlace(uint64_t value, uint32_t& place) {
  if (value > GroupStatus::kWholeCopy) return Bad();
  place = static_cast<uint32_t>(value);
  return absl::OkStatus();
}

absl::Status ReadMember(ByteView bytes, GroupStatus::Member& member) {
  member.counts = false;
  while (!bytes.empty()) {
    const std::optional<WireField> field = TakeWireField(bytes);
    if (!field) return Bad();
    if (field->Is(1, WireType::kBytes)) {
      L2P_ASSIGN_OR_RETURN(member.peer, PeerId::FromBinary(field->bytes));
    } else if (field->Is(2, WireType::kVarint)) {
      L2P_RETURN_IF_ERROR(ReadPlace(field->value, member.place));
    } else if (field->Is(3, WireType::kVarint)) {
      member.counts = field->value != 0;
    }
  }
  return member.peer.empty() ? Bad() : absl::OkStatus();
}

absl::Status ReadField(const WireField& field, GroupStatus& status) {
  if (field.Is(1, WireType::kBytes)) {
    status.record = AsText(field.bytes);
  } else if (field.Is(2, WireType::kVarint)) {
    return ReadPlace(field.value, status.place);
  } else if (field.Is(3, WireType::kVarint)) {
    status.lost_blocks = field.value;
  } else if (field.Is(4, WireType::kVarint)) {
    if (field.value > kMaxUnixSeconds) return Bad();
    status.last_audit = absl::FromUnixSeconds(static_cast<int64_t>(field.value));
  } else if (field.Is(5, WireType::kVarint)) {
    if (field.value > 2) return Bad();
    status.repair = static_cast<GroupStatus::Repair>(field.value);
  } else if (field.Is(6, WireType::kBytes)) {
    if (status.members.size() == GroupStatus::kMaxMembers) return Bad();
    return ReadMember(field.bytes, status.members.emplace_back());
  }
  return absl::OkStatus();
}

}  // namespace

std::string EncodeGroupStatus(const GroupStatus& status) {
  std::string out;
  AppendWireBytes(1, status.record, out);
  AppendWireVarint(2, status.place, out);
  AppendWireVarint(3, status.lost_blocks, out);
  if (status.last_audit != absl::InfinitePast()) {
    AppendWireVarint(4, static_cast<uint64_t>(absl::ToUnixSeconds(status.last_audit)), out);
  }
  AppendWireVarint(5, static_cast<uint64_t>(status.repair), out);
  for (const GroupStatus::Member& member : status.members) {
    std::string item;
    AppendWireBytes(1, member.peer.bytes(), item);
    AppendWireVarint(2, member.place, item);
    AppendWireVarint(3, member.counts ? 1 : 0, item);
    AppendWireBytes(6, item, out);
  }
  return out;
}

absl::StatusOr<GroupStatus> ParseGroupStatus(ByteView bytes) {
  if (bytes.size() > GroupStatus::kMaxBytes) return Bad();
  GroupStatus status;
  while (!bytes.empty()) {
    const std::optional<WireField> field = TakeWireField(bytes);
    if (!field) return Bad();
    L2P_RETURN_IF_ERROR(ReadField(*field, status));
  }
  return status;
}

}  // namespace l2p
