// node := link* data? | data link*                  (the first is the canonical order)
// link := field 2 { field 1 bytes (cid), field 2 bytes (name)?, field 3 varint (tsize)? }
// data := field 1 bytes
//
// Protobuf wire format, but links precede data against the order of the field numbers.
#include "l2p/dag_pb.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "l2p/protobuf_wire.h"

namespace l2p {
namespace {

constexpr uint32_t kNodeData = 1;
constexpr uint32_t kNodeLink = 2;
constexpr uint32_t kLinkHash = 1;
constexpr uint32_t kLinkName = 2;
constexpr uint32_t kLinkTsize = 3;

absl::Status Bad(std::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("dag-pb node ", av(problem)));
}

size_t CidSize(const Cid& cid) {
  const size_t hash = cid.hash().bytes().size();
  if (cid.version() == 0) return hash;
  return 1 + (WireVarintSize(1, static_cast<uint64_t>(cid.codec())) - 1) + hash;
}

size_t LinkBodySize(const DagLink& link) {
  return WireBytesSize(kLinkHash, CidSize(link.cid)) + WireBytesSize(kLinkName, link.name.size()) +
         WireVarintSize(kLinkTsize, link.tsize);
}

void AppendLink(const DagLink& link, std::string& out) {
  std::string body;
  body.reserve(LinkBodySize(link));
  AppendWireBytes(kLinkHash, link.cid.ToBinary(), body);
  AppendWireBytes(kLinkName, link.name, body);
  AppendWireVarint(kLinkTsize, link.tsize, body);
  AppendWireBytes(kNodeLink, body, out);
}

// `links` in canonical order, which nearly always is the order they have.
std::vector<const DagLink*> Sorted(const std::vector<DagLink>& links) {
  std::vector<const DagLink*> sorted;
  sorted.reserve(links.size());
  for (const DagLink& link : links) sorted.push_back(&link);
  auto by_name = [](const DagLink* a, const DagLink* b) { return a->name < b->name; };
  if (!std::is_sorted(sorted.begin(), sorted.end(), by_name)) {
    std::stable_sort(sorted.begin(), sorted.end(), by_name);
  }
  return sorted;
}

absl::Status DecodeLink(ByteView body, DagLink& link) {
  uint32_t last_number = 0;
  while (!body.empty()) {
    const std::optional<WireField> field = TakeWireField(body);
    if (!field) return Bad("has a malformed link");
    if (field->number <= last_number) return Bad("has a link with its fields out of order");
    last_number = field->number;
    if (field->Is(kLinkHash, WireType::kBytes)) {
      absl::StatusOr<Cid> cid = Cid::FromBinary(field->bytes);
      if (!cid.ok()) return WithContext(cid.status(), "dag-pb link");
      link.cid = *std::move(cid);
    } else if (field->Is(kLinkName, WireType::kBytes)) {
      link.name = AsText(field->bytes);
    } else if (field->Is(kLinkTsize, WireType::kVarint)) {
      link.tsize = field->value;
    } else {
      return Bad(absl::StrCat("has a link with an unexpected field ", field->number));
    }
  }
  if (link.cid.empty()) return Bad("has a link without a cid");
  return absl::OkStatus();
}

}  // namespace

std::string EncodeDagPb(const DagNode& node) {
  size_t size = node.data ? WireBytesSize(kNodeData, node.data->size()) : 0;
  for (const DagLink& link : node.links) size += DagPbSize(link);
  std::string block;
  block.reserve(size);
  for (const DagLink* link : Sorted(node.links)) AppendLink(*link, block);
  if (node.data) AppendWireBytes(kNodeData, *node.data, block);
  return block;
}

size_t DagPbSize(const DagLink& link) { return WireBytesSize(kNodeLink, LinkBodySize(link)); }

absl::StatusOr<DagNode> DecodeDagPb(ByteView block) {
  if (block.size() > kMaxBlockBytes) return Bad("is over 2 MiB");
  DagNode node;
  bool links_ended = false;
  while (!block.empty()) {
    const std::optional<WireField> field = TakeWireField(block);
    if (!field) return Bad("is malformed");
    if (field->Is(kNodeLink, WireType::kBytes)) {
      if (links_ended) return Bad("has links on both sides of its data");
      if (node.links.size() == kMaxDagLinks) return Bad("has too many links");
      L2P_RETURN_IF_ERROR(DecodeLink(field->bytes, node.links.emplace_back()));
    } else if (field->Is(kNodeData, WireType::kBytes)) {
      if (node.data) return Bad("has data twice");
      node.data = AsText(field->bytes);
      links_ended = !node.links.empty();
    } else {
      return Bad(absl::StrCat("has an unexpected field ", field->number));
    }
  }
  return node;
}

}  // namespace l2p
