#ifndef L2P_PLUGINS_SERVICE_KEEPER_GROUP_CONTENT_H_
#define L2P_PLUGINS_SERVICE_KEEPER_GROUP_CONTENT_H_

#include <optional>
#include <vector>

#include "keep_rule.h"
#include "l2p/group_record.h"
#include "l2p/host.h"
#include "l2p/service.h"
#include "l2p/sidecar.h"

namespace l2p::keeper {

// All that this node has of a group it holds: its share, the owner's record and, when the group is
// coded, the sidecar. A value.
struct GroupContent {
  HeldGroups::Content held;
  GroupRecord record;
  std::optional<Sidecar> sidecar;
  BlockRef sidecar_block;  // Of a coded group.
  Place place = kWhole;    // This node's.
  PeerId owner;

  Redundancy spec() const { return record.ForGroup(); }
  // What the holder at `place` keeps.
  HeldGroups::Content ShareOf(Place place) const;
};

// NotFound when the group is not held or nobody has signed how it is to be kept (yet);
// FailedPrecondition when this node's share is none of the group's: it is not one of its keepers.
absl::StatusOr<GroupContent> LoadContent(Node& node, const Crypto& crypto, const Multihash& group);

// Whether the sidecar lists exactly the blocks that the group's dag has, as far as its nodes tell,
// which this node has. DataLoss when it does not. What it says of pieces shows only in decoding.
absl::Status CheckDag(Node& node, const Sidecar& sidecar);

// The blocks of a group's share, nodes first.
std::vector<Multihash> IdsOf(const Group& group);

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_GROUP_CONTENT_H_
