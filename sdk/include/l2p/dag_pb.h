// dag-pb, the codec (0x70) of blocks with links (https://ipld.io/specs/codecs/dag-pb/spec).
#ifndef L2P_DAG_PB_H_
#define L2P_DAG_PB_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "l2p/bytes.h"
#include "l2p/cid.h"
#include "l2p/status.h"

namespace l2p {

// The most bytes of any block: no peer has to take or send more.
inline constexpr size_t kMaxBlockBytes = 2 * 1024 * 1024;

// The most links of a node. A block of kMaxBlockBytes has room for 49,932 links to SHA-256 ids;
// only made-up ids are shorter.
inline constexpr size_t kMaxDagLinks = 65536;

struct DagLink {
  Cid cid;
  std::string name;  // Bytes, by convention UTF-8; empty for the parts of a file.
  uint64_t tsize =
      0;  // Bytes of all blocks below, as the maker of the link said: never rely on it.

  friend bool operator==(const DagLink&, const DagLink&) = default;
};

struct DagNode {
  std::vector<DagLink> links;
  std::optional<std::string> data;  // Absent and empty are different nodes.

  friend bool operator==(const DagNode&, const DagNode&) = default;
};

// The canonical form: links before data, sorted by the bytes of their names (equal names keep their
// order), each with its Hash, its Name even when empty and its Tsize even when zero.
// REQUIRES: no link's cid is empty.
L2P_SDK_API std::string EncodeDagPb(const DagNode& node);

// What `link` adds to the encoded form of its node.
L2P_SDK_API size_t DagPbSize(const DagLink& link);

// InvalidArgument on truncation, unknown fields, wrong wire types, a second Data, links on both
// sides of Data, a link without Hash or with its fields out of order, a bad cid, a block over
// kMaxBlockBytes or kMaxDagLinks. Data may come first; links keep the order they have.
// Not every accepted block is in canonical form: never encode anew what has an id already.
L2P_SDK_API absl::StatusOr<DagNode> DecodeDagPb(ByteView block);

}  // namespace l2p

#endif  // L2P_DAG_PB_H_
