// promise := field 1 varint (until, Unix nanoseconds; absent: for ever)
//            field 2 bytes (nodes)  field 3 bytes (leaves)       packed, see group.h
//            field 4 bytes (record; absent if empty)
//            field 5 bytes (network; absent if none)
#include "kernel/content/promise.h"

#include "l2p/protobuf_wire.h"

namespace l2p {
namespace {

constexpr uint32_t kUntil = 1;
constexpr uint32_t kNodes = 2;
constexpr uint32_t kLeaves = 3;
constexpr uint32_t kRecord = 4;
constexpr uint32_t kNetwork = 5;
// Pushes of one group, again and again, add up to no more than this.
constexpr size_t kMaxPacked = 2 << 20;

std::vector<BlockRef> Unpack(std::string_view packed) {
  return UnpackDistinct(AsBytes(packed)).value_or(std::vector<BlockRef>());
}

}  // namespace

Promise Promise::Of(const Group& group, Time until, std::string record, std::string network) {
  return {until, Pack(group.nodes), Pack(group.leaves), std::move(record), std::move(network)};
}

absl::StatusOr<Promise> Promise::Decode(std::string_view row) {
  Promise promise;
  ByteView rest = AsBytes(row);
  while (!rest.empty()) {
    const std::optional<WireField> field = TakeWireField(rest);
    if (!field) return absl::DataLossError("state row of a promise is malformed");
    if (field->Is(kUntil, WireType::kVarint)) {
      promise.until = absl::FromUnixNanos(static_cast<int64_t>(field->value));
    } else if (field->Is(kNodes, WireType::kBytes)) {
      promise.nodes = AsText(field->bytes);
    } else if (field->Is(kLeaves, WireType::kBytes)) {
      promise.leaves = AsText(field->bytes);
    } else if (field->Is(kRecord, WireType::kBytes)) {
      promise.record = AsText(field->bytes);
    } else if (field->Is(kNetwork, WireType::kBytes)) {
      promise.network = AsText(field->bytes);
    }
  }
  if (UnpackDistinct(AsBytes(promise.nodes)) && UnpackDistinct(AsBytes(promise.leaves))) {
    return promise;
  }
  return absl::DataLossError("state row of a promise lists blocks wrongly");
}

std::string Promise::Encode() const {
  std::string out;
  if (until != absl::InfiniteFuture()) {
    AppendWireVarint(kUntil, static_cast<uint64_t>(absl::ToUnixNanos(until)), out);
  }
  AppendWireBytes(kNodes, nodes, out);
  AppendWireBytes(kLeaves, leaves, out);
  if (!record.empty()) AppendWireBytes(kRecord, record, out);
  if (!network.empty()) AppendWireBytes(kNetwork, network, out);
  return out;
}

void Promise::Add(const Promise& earlier) {
  if (nodes.size() + leaves.size() + earlier.nodes.size() + earlier.leaves.size() <= kMaxPacked) {
    nodes = Pack(Unpack(nodes + earlier.nodes));
    leaves = Pack(Unpack(leaves + earlier.leaves));
  }
  if (record.empty()) record = earlier.record;
}

std::vector<BlockRef> Promise::Blocks() const { return Unpack(nodes + leaves); }

std::vector<Multihash> Promise::BlockIds() const {
  const std::vector<BlockRef> blocks = Blocks();
  std::vector<Multihash> ids;
  ids.reserve(blocks.size());
  for (const BlockRef& block : blocks) ids.push_back(block.id);
  return ids;
}

Group Promise::AsGroup(const Multihash& id) const { return {id, Unpack(nodes), Unpack(leaves)}; }

uint64_t Promise::bytes() const {
  uint64_t sum = 0;
  for (const BlockRef& block : Blocks()) sum += block.size;
  return sum;
}

}  // namespace l2p
