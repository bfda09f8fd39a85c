#include "group_content.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include "l2p/dag_pb.h"

namespace l2p::keeper {
namespace {

absl::StatusOr<Bytes> GetOne(Node& node, const Multihash& id) {
  absl::StatusOr<Bytes> block = absl::UnknownError("not asked");
  node.blocks().Get({&id, 1}, {&block, 1});
  return block;
}

// The place whose share this is; a share lists the sidecar behind its pieces.
std::optional<Place> PlaceOf(const Sidecar& sidecar, const std::vector<BlockRef>& leaves) {
  for (size_t place = 0; place < sidecar.pieces(); ++place) {
    const std::vector<BlockRef> share = sidecar.ShareOf(place).leaves;
    if (share.size() + 1 == leaves.size() &&
        std::equal(share.begin(), share.end(), leaves.begin())) {
      return static_cast<Place>(place);
    }
  }
  return std::nullopt;
}

absl::Status AddSidecar(Node& node, GroupContent& content) {
  const std::vector<BlockRef>& leaves = content.held.blocks.leaves;
  const auto block = std::find_if(leaves.begin(), leaves.end(), [&](const BlockRef& leaf) {
    return leaf.id == content.record.sidecar;
  });
  if (block == leaves.end()) {
    return absl::FailedPreconditionError("what is held of the group is none of its shares");
  }
  content.sidecar_block = *block;
  L2P_ASSIGN_OR_RETURN(const Bytes bytes, GetOne(node, block->id));
  L2P_ASSIGN_OR_RETURN(content.sidecar, Sidecar::Parse(bytes));
  const Redundancy spec = content.record.spec;
  if (content.sidecar->group().id != content.record.group ||
      content.sidecar->needed() != spec.needed || content.sidecar->pieces() != spec.holders) {
    return absl::DataLossError("the sidecar contradicts the group's record");
  }
  const std::optional<Place> place = PlaceOf(*content.sidecar, leaves);
  if (!place) {
    return absl::FailedPreconditionError("what is held of the group is none of its shares");
  }
  content.place = *place;
  return absl::OkStatus();
}

}  // namespace

HeldGroups::Content GroupContent::ShareOf(Place of) const {
  HeldGroups::Content share = held;
  if (!sidecar) return share;
  share.blocks = sidecar->ShareOf(of);
  share.blocks.leaves.push_back(sidecar_block);
  return share;
}

absl::StatusOr<GroupContent> LoadContent(Node& node, const Crypto& crypto, const Multihash& group) {
  GroupContent content;
  L2P_ASSIGN_OR_RETURN(content.held, node.groups().Find(group));
  if (content.held.record.empty()) {
    return absl::NotFoundError(absl::StrCat("group ", group.ToString(), " has no record"));
  }
  L2P_ASSIGN_OR_RETURN(content.record, OpenGroupRecord(crypto, AsBytes(content.held.record)));
  if (content.record.group != group) {
    return absl::DataLossError(
        absl::StrCat("the record of group ", group.ToString(), " is about another group"));
  }
  L2P_ASSIGN_OR_RETURN(content.owner, PeerId::OfPublicKey(AsBytes(content.record.owner_key)));
  if (!content.record.sidecar.empty()) {
    L2P_RETURN_IF_ERROR(WithContext(AddSidecar(node, content), group.ToString()));
  }
  return content;
}

absl::Status CheckDag(Node& node, const Sidecar& sidecar) {
  const Group& group = sidecar.group();
  std::set<Multihash> nodes, leaves, linked;
  for (const BlockRef& block : group.nodes) nodes.insert(block.id);
  for (const BlockRef& block : group.leaves) leaves.insert(block.id);
  linked.insert(group.id);
  for (const BlockRef& block : group.nodes) {
    L2P_ASSIGN_OR_RETURN(const Bytes bytes, GetOne(node, block.id));
    L2P_ASSIGN_OR_RETURN(const DagNode dag, DecodeDagPb(bytes));
    for (const DagLink& link : dag.links) linked.insert(link.cid.hash());
  }
  std::set<Multihash> listed = nodes;
  listed.insert(leaves.begin(), leaves.end());
  if (listed == linked) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the sidecar of group ", group.id.ToString(),
                                          " does not list the blocks of its dag"));
}

std::vector<Multihash> IdsOf(const Group& group) {
  std::vector<Multihash> ids;
  for (const BlockRef& block : group.nodes) ids.push_back(block.id);
  for (const BlockRef& block : group.leaves) ids.push_back(block.id);
  return ids;
}

}  // namespace l2p::keeper
