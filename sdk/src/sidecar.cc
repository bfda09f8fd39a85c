// sidecar := 1 bytes group   2 varint K   3 varint N   4 bytes nodes   5 bytes leaves
//            6 bytes* stripe (in order)
// nodes, leaves := (multihash, uvarint size)*            nodes is absent when there are none
// stripe  := ids roots
// ids     := SHA-256 of each piece that is a block, by index: K..N-1, of a sliced stripe 0..N-1
// roots   := tree root of each piece, 0..N-1
//
// Protobuf wire format, fields in this order, varints in shortest form.
#include "l2p/sidecar.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "l2p/block_store.h"
#include "l2p/protobuf_wire.h"
#include "l2p/redundancy.h"

namespace l2p {
namespace {

constexpr uint32_t kGroup = 1;
constexpr uint32_t kNeeded = 2;
constexpr uint32_t kPieces = 3;
constexpr uint32_t kNodes = 4;
constexpr uint32_t kLeaves = 5;
constexpr uint32_t kStripe = 6;

constexpr size_t kDigest = sizeof(Sha256Digest);

absl::Status Bad(std::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("sidecar: ", av(problem)));
}

Multihash Sha256Id(const Sha256Digest& digest) {
  return *Multihash::FromDigest(HashCode::kSha2_256, digest);
}

absl::Status CheckBlocks(const std::vector<BlockRef>& blocks) {
  absl::flat_hash_set<Multihash> seen;
  for (const BlockRef& block : blocks) {
    if (block.size > kMaxBlock) return Bad("a block is larger than 2 MiB");
    if (!seen.insert(block.id).second) return Bad("a block is listed twice");
  }
  return absl::OkStatus();
}

Sha256Digest TakeDigest(ByteView& in) {
  Sha256Digest digest;
  std::copy_n(in.begin(), kDigest, digest.begin());
  in = in.subspan(kDigest);
  return digest;
}

}  // namespace

absl::StatusOr<Sidecar> Sidecar::ForGroup(Group group, size_t needed, size_t pieces) {
  if (needed < 2 || needed >= pieces || pieces > Redundancy::kMaxHolders) {
    return Bad(absl::StrCat("there is no code of ", needed, " of ", pieces, " pieces"));
  }
  if (group.leaves.size() > kMaxGroupLeaves ||
      group.leaves.size() + group.nodes.size() > kMaxBlocks) {
    return Bad("the group has too many blocks");
  }
  L2P_RETURN_IF_ERROR(CheckBlocks(group.nodes));
  L2P_RETURN_IF_ERROR(CheckBlocks(group.leaves));
  Sidecar sidecar;
  sidecar.stripes_ = LayOut(group.leaves, needed);
  if (sidecar.stripes_.empty()) return Bad("the group has no leaf with bytes");
  sidecar.group_ = std::move(group);
  sidecar.needed_ = needed;
  sidecar.pieces_ = pieces;
  sidecar.names_.resize(sidecar.stripes_.size() * pieces);
  return sidecar;
}

absl::StatusOr<Sidecar> Sidecar::Parse(ByteView bytes) {
  if (bytes.size() > kMaxBytes) return Bad("it is larger than 2 MiB");
  Group group;
  uint64_t needed = 0;
  uint64_t pieces = 0;
  std::vector<ByteView> stripes;
  for (ByteView rest = bytes; !rest.empty();) {
    const std::optional<WireField> field = TakeWireField(rest);
    if (!field) return Bad("it is malformed");
    if (field->Is(kGroup, WireType::kBytes)) {
      L2P_ASSIGN_OR_RETURN(group.id, Multihash::FromBinary(field->bytes));
    } else if (field->Is(kNeeded, WireType::kVarint)) {
      needed = field->value;
    } else if (field->Is(kPieces, WireType::kVarint)) {
      pieces = field->value;
    } else if (field->Is(kNodes, WireType::kBytes) || field->Is(kLeaves, WireType::kBytes)) {
      std::optional<std::vector<BlockRef>> blocks = UnpackDistinct(field->bytes);
      if (!blocks) return Bad("its list of blocks is malformed");
      (field->number == kNodes ? group.nodes : group.leaves) = *std::move(blocks);
    } else if (field->Is(kStripe, WireType::kBytes)) {
      stripes.push_back(field->bytes);
    } else {
      return Bad(absl::StrCat("unexpected field ", field->number));
    }
  }
  L2P_ASSIGN_OR_RETURN(Sidecar sidecar, ForGroup(std::move(group), needed, pieces));
  if (stripes.size() != sidecar.stripes_.size()) return Bad("it has the wrong number of stripes");
  for (size_t s = 0; s < stripes.size(); ++s) {
    const size_t first = sidecar.stripes_[s].sliced ? 0 : needed;
    if (stripes[s].size() != (2 * pieces - first) * kDigest) return Bad("a stripe is malformed");
    PieceName* const names = &sidecar.names_[s * pieces];
    for (size_t i = first; i < pieces; ++i) names[i].id = TakeDigest(stripes[s]);
    for (size_t i = 0; i < pieces; ++i) names[i].tree_root = TakeDigest(stripes[s]);
  }
  if (!Equal(AsBytes(sidecar.Encode()), bytes)) return Bad("it is not in its canonical form");
  return sidecar;
}

std::string Sidecar::Encode() const {
  std::string out;
  AppendWireBytes(kGroup, group_.id.bytes(), out);
  AppendWireVarint(kNeeded, needed_, out);
  AppendWireVarint(kPieces, pieces_, out);
  if (!group_.nodes.empty()) AppendWireBytes(kNodes, Pack(group_.nodes), out);
  AppendWireBytes(kLeaves, Pack(group_.leaves), out);
  for (size_t s = 0; s < stripes_.size(); ++s) {
    std::string stripe;
    for (size_t i = 0; i < pieces_; ++i) {
      if (IsBlock(s, i)) stripe += AsText(names_[s * pieces_ + i].id);
    }
    for (size_t i = 0; i < pieces_; ++i) stripe += AsText(TreeRootOf(s, i));
    AppendWireBytes(kStripe, stripe, out);
  }
  return out;
}

std::vector<BlockRef> Sidecar::BlocksOf(size_t stripe, size_t index) const {
  std::vector<BlockRef> blocks;
  if (IsBlock(stripe, index)) {
    blocks.push_back({Sha256Id(names_[stripe * pieces_ + index].id), stripes_[stripe].length});
  } else {
    for (const uint32_t leaf : stripes_[stripe].leaves[index]) {
      blocks.push_back(group_.leaves[leaf]);
    }
  }
  return blocks;
}

uint32_t Sidecar::StoredBytes(size_t stripe, size_t index) const {
  uint32_t bytes = 0;
  for (const BlockRef& block : BlocksOf(stripe, index)) bytes += block.size;
  return bytes;
}

Group Sidecar::ShareOf(size_t holder) const {
  Group share{group_.id, group_.nodes, {}};
  absl::flat_hash_set<Multihash> seen;
  const auto add = [&](const BlockRef& block) {
    if (seen.insert(block.id).second) share.leaves.push_back(block);
  };
  for (const BlockRef& leaf : group_.leaves) {
    if (leaf.size == 0) add(leaf);
  }
  for (size_t s = 0; s < stripes_.size(); ++s) {
    for (const BlockRef& block : BlocksOf(s, PieceAt(s, holder))) add(block);
  }
  return share;
}

std::optional<size_t> Sidecar::StripeOf(const Multihash& leaf) const {
  for (size_t s = 0; s < stripes_.size(); ++s) {
    for (const uint32_t index : stripes_[s].AllLeaves()) {
      if (group_.leaves[index].id == leaf) return s;
    }
  }
  return std::nullopt;
}

}  // namespace l2p
