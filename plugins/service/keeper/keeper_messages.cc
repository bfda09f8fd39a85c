#include "keeper_messages.h"

#include <algorithm>

#include "l2p/protobuf_wire.h"

namespace l2p::keeper {
namespace {

constexpr uint64_t kMaxClaimSeconds = 24 * 3600;
constexpr size_t kMaxProofPath = 40;

absl::Status Bad() { return absl::InvalidArgumentError("malformed keeper message"); }

// Calls `take` with each field of a message.
template <typename Take>
absl::Status ForEachField(ByteView bytes, const Take& take) {
  while (!bytes.empty()) {
    const std::optional<WireField> field = TakeWireField(bytes);
    if (!field) return Bad();
    L2P_RETURN_IF_ERROR(take(*field));
  }
  return absl::OkStatus();
}

absl::Status ReadPlace(const WireField& field, Place& place) {
  if (field.value > kWhole) return Bad();
  place = static_cast<Place>(field.value);
  return absl::OkStatus();
}

absl::Status ReadGroup(const WireField& field, Multihash& group) {
  L2P_ASSIGN_OR_RETURN(group, Multihash::FromBinary(field.bytes));
  return absl::OkStatus();
}

std::string Text(const Digest& digest) { return {digest.begin(), digest.end()}; }

std::string Encode(const Range& range) {
  std::string out;
  AppendWireBytes(1, range.path, out);
  if (range.digest) AppendWireBytes(2, Text(*range.digest), out);
  if (range.digests) {
    std::string all;
    for (const Digest& digest : *range.digests) all += Text(digest);
    AppendWireBytes(3, all, out);
  }
  for (const Share& share : range.shares) {
    std::string item;
    AppendWireBytes(1, share.group.bytes(), item);
    AppendWireVarint(2, share.place, item);
    AppendWireBytes(4, item, out);
  }
  if (range.is_list) AppendWireVarint(5, 1, out);
  return out;
}

absl::Status ReadShare(ByteView bytes, Share& share) {
  L2P_RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    if (field.Is(1, WireType::kBytes)) return ReadGroup(field, share.group);
    if (field.Is(2, WireType::kVarint)) return ReadPlace(field, share.place);
    return absl::OkStatus();
  }));
  return share.group.empty() ? Bad() : absl::OkStatus();
}

absl::Status ReadPath(ByteView bytes, std::string& path) {
  const bool are_nibbles =
      std::all_of(bytes.begin(), bytes.end(), [](uint8_t nibble) { return nibble < kFanOut; });
  if (bytes.size() > Range::kMaxPath || !are_nibbles) return Bad();
  path = AsText(bytes);
  return absl::OkStatus();
}

absl::Status ReadDigests(ByteView bytes, Range& range) {
  std::array<Digest, kFanOut>& digests = range.digests.emplace();
  if (bytes.size() != kFanOut * sizeof(Digest)) return Bad();
  for (Digest& digest : digests) {
    std::copy_n(bytes.begin(), digest.size(), digest.begin());
    bytes = bytes.subspan(digest.size());
  }
  return absl::OkStatus();
}

absl::Status ReadRange(ByteView bytes, std::vector<Range>& ranges) {
  if (ranges.size() == Range::kMaxRanges) return Bad();
  Range& range = ranges.emplace_back();
  return ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    if (field.Is(1, WireType::kBytes)) return ReadPath(field.bytes, range.path);
    if (field.Is(2, WireType::kBytes)) {
      if (field.bytes.size() != sizeof(Digest)) return Bad();
      std::copy(field.bytes.begin(), field.bytes.end(), range.digest.emplace().begin());
    } else if (field.Is(3, WireType::kBytes)) {
      return ReadDigests(field.bytes, range);
    } else if (field.Is(4, WireType::kBytes)) {
      return ReadShare(field.bytes, range.shares.emplace_back());
    } else if (field.Is(5, WireType::kVarint)) {
      range.is_list = field.value != 0;
    }
    return absl::OkStatus();
  });
}

absl::Status ReadClaim(ByteView bytes, RepairClaim& claim) {
  L2P_RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    if (field.Is(1, WireType::kBytes)) return ReadGroup(field, claim.group);
    if (field.Is(2, WireType::kVarint)) {
      claim.time = absl::Seconds(std::min(field.value, kMaxClaimSeconds));
    }
    return absl::OkStatus();
  }));
  return claim.group.empty() ? Bad() : absl::OkStatus();
}

absl::Status ReadHint(ByteView bytes, std::vector<MemberHint>& hints) {
  if (hints.size() == KeeperRequest::kMaxHints) return Bad();
  MemberHint& hint = hints.emplace_back();
  L2P_RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    if (field.Is(1, WireType::kBytes)) return ReadGroup(field, hint.group);
    if (field.Is(2, WireType::kVarint)) return ReadPlace(field, hint.place);
    if (field.Is(3, WireType::kBytes)) {
      L2P_ASSIGN_OR_RETURN(hint.peer, PeerId::FromBinary(field.bytes));
    }
    return absl::OkStatus();
  }));
  return hint.group.empty() || hint.peer.empty() ? Bad() : absl::OkStatus();
}

absl::Status ReadLeafRequest(ByteView bytes, LeafRequest& leaf) {
  return ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    if (field.Is(1, WireType::kBytes)) {
      if (leaf.blocks.size() == LeafRequest::kMaxBlocks) return Bad();
      return ReadGroup(field, leaf.blocks.emplace_back());
    }
    if (field.Is(2, WireType::kVarint)) leaf.index = field.value;
    return absl::OkStatus();
  });
}

absl::Status ReadProof(ByteView bytes, TreeProof& proof) {
  return ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    if (field.Is(1, WireType::kBytes)) {
      if (field.bytes.size() > kTreeLeaf) return Bad();
      proof.leaf = Bytes::Copy(field.bytes);
    } else if (field.Is(2, WireType::kBytes)) {
      if (proof.path.size() == kMaxProofPath || field.bytes.size() != sizeof(Sha256Digest)) {
        return Bad();
      }
      std::copy(field.bytes.begin(), field.bytes.end(), proof.path.emplace_back().begin());
    }
    return absl::OkStatus();
  });
}

}  // namespace

std::string Encode(const KeeperRequest& request) {
  std::string out;
  for (const Range& range : request.ranges) AppendWireBytes(1, Encode(range), out);
  if (request.claim) {
    std::string claim;
    AppendWireBytes(1, request.claim->group.bytes(), claim);
    AppendWireVarint(2, static_cast<uint64_t>(absl::ToInt64Seconds(request.claim->time)), claim);
    AppendWireBytes(2, claim, out);
  }
  for (const MemberHint& hint : request.hints) {
    std::string item;
    AppendWireBytes(1, hint.group.bytes(), item);
    AppendWireVarint(2, hint.place, item);
    AppendWireBytes(3, hint.peer.bytes(), item);
    AppendWireBytes(3, item, out);
  }
  if (request.leaf) {
    std::string leaf;
    for (const Multihash& block : request.leaf->blocks) AppendWireBytes(1, block.bytes(), leaf);
    AppendWireVarint(2, request.leaf->index, leaf);
    AppendWireBytes(4, leaf, out);
  }
  return out;
}

std::string Encode(const KeeperAnswer& answer) {
  std::string out;
  for (const Range& range : answer.ranges) AppendWireBytes(1, Encode(range), out);
  if (answer.granted) AppendWireVarint(2, 1, out);
  if (answer.proof) {
    std::string proof;
    AppendWireBytes(1, answer.proof->leaf.text(), proof);
    for (const Sha256Digest& hash : answer.proof->path) AppendWireBytes(2, AsText(hash), proof);
    AppendWireBytes(4, proof, out);
  }
  return out;
}

absl::StatusOr<KeeperRequest> ParseRequest(ByteView bytes) {
  KeeperRequest request;
  L2P_RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    if (field.Is(1, WireType::kBytes)) return ReadRange(field.bytes, request.ranges);
    if (field.Is(2, WireType::kBytes)) return ReadClaim(field.bytes, request.claim.emplace());
    if (field.Is(3, WireType::kBytes)) return ReadHint(field.bytes, request.hints);
    if (field.Is(4, WireType::kBytes)) return ReadLeafRequest(field.bytes, request.leaf.emplace());
    return absl::OkStatus();
  }));
  return request;
}

absl::StatusOr<KeeperAnswer> ParseAnswer(ByteView bytes) {
  KeeperAnswer answer;
  L2P_RETURN_IF_ERROR(ForEachField(bytes, [&](const WireField& field) -> absl::Status {
    if (field.Is(1, WireType::kBytes)) return ReadRange(field.bytes, answer.ranges);
    if (field.Is(2, WireType::kVarint)) answer.granted = field.value != 0;
    if (field.Is(4, WireType::kBytes)) return ReadProof(field.bytes, answer.proof.emplace());
    return absl::OkStatus();
  }));
  return answer;
}

}  // namespace l2p::keeper
