#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kernel/content/dag_builder.h"
#include "l2p/hamt.h"
#include "l2p/protobuf_wire.h"
#include "l2p/unixfs.h"

namespace l2p {
namespace {

// Slot digits before the name of an entry in a shard.
constexpr size_t kSlotDigits = 2;

absl::Status Taken(std::string_view path) {
  return absl::InvalidArgumentError(absl::StrCat("entry \"", av(path), "\" occurs twice"));
}

bool NeedsShards(const Profile& profile, const DagNode& node) {
  const bool whole = profile.hamt_rule == Profile::HamtRule::kBlockBytes;
  uint64_t bytes = whole ? WireBytesSize(1, node.data->size()) : 0;
  for (const DagLink& link : node.links) {
    bytes += whole ? DagPbSize(link) : link.name.size() + link.cid.ToBinary().size();
  }
  return bytes > profile.hamt_threshold;
}

}  // namespace

absl::Status TreeBuilder::Add(std::string_view path, Subtree subtree) {
  L2P_ASSIGN_OR_RETURN(Item * place, Place(path));
  if (place == nullptr) return Taken(path);
  *place = std::move(subtree);
  return absl::OkStatus();
}

absl::Status TreeBuilder::AddFolder(std::string_view path) {
  L2P_ASSIGN_OR_RETURN(Item * place, Place(path));
  if (place != nullptr) *place = std::make_unique<Folder>();
  return absl::OkStatus();
}

// Where the item of `path` goes, its folders made; null when a folder is there already. A file in
// the place or on the way is an error.
absl::StatusOr<TreeBuilder::Item*> TreeBuilder::Place(std::string_view path) {
  if (++entries_ > kMaxEntries) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a put takes at most ", kMaxEntries, " entries"));
  }
  std::vector<std::string> parts;
  if (!path.empty()) parts = absl::StrSplit(av(path), '/');
  if (parts.size() > kMaxDepth) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", av(path), "\": folders are nested more than ", kMaxDepth, " deep"));
  }
  bool there = std::exchange(any_, true);
  Item* item = &top_;
  for (std::string& part : parts) {
    L2P_RETURN_IF_ERROR(WithContext(CheckEntryName(part), absl::StrCat("\"", av(path), "\"")));
    if (!there) *item = std::make_unique<Folder>();
    auto* folder = std::get_if<std::unique_ptr<Folder>>(item);
    if (folder == nullptr) return Taken(path);
    auto [child, added] = (*folder)->items.try_emplace(std::move(part));
    item = &child->second;
    there = !added;
  }
  if (!there) return item;
  return std::holds_alternative<Subtree>(*item) ? absl::StatusOr<Item*>(Taken(path)) : nullptr;
}

absl::StatusOr<Subtree> TreeBuilder::Finish() {
  if (!any_) return absl::InvalidArgumentError("there is nothing to put");
  if (auto* subtree = std::get_if<Subtree>(&top_)) return std::move(*subtree);
  return FinishFolder(*std::get<std::unique_ptr<Folder>>(top_));
}

absl::StatusOr<Subtree> TreeBuilder::FinishFolder(Folder& folder) {
  DagNode node;
  std::map<std::string, Subtree> children;
  uint64_t content_bytes = 0;
  while (!folder.items.empty()) {
    auto item = folder.items.extract(folder.items.begin());
    Subtree child;
    if (auto* below = std::get_if<std::unique_ptr<Folder>>(&item.mapped())) {
      L2P_ASSIGN_OR_RETURN(child, FinishFolder(**below));
    } else {
      child = std::move(std::get<Subtree>(item.mapped()));
    }
    content_bytes += child.content_bytes;
    node.links.push_back({child.cid, item.key(), child.dag_bytes});
    children.emplace(std::move(item.key()), std::move(child));
  }
  UnixFs message;
  message.type = UnixFs::Type::kDirectory;
  node.data = EncodeUnixFs(message);
  absl::StatusOr<Subtree> result;
  if (NeedsShards(profile_, node)) {
    result = FinishSharded(std::move(children), std::move(node.links));
  } else {
    std::vector<Subtree> in_order;
    for (auto& [name, child] : children) in_order.push_back(std::move(child));
    result = writer_.AddNode(EncodeDagPb(node), in_order);
  }
  if (result.ok()) result->content_bytes = content_bytes;
  return result;
}

absl::StatusOr<Subtree> TreeBuilder::FinishSharded(std::map<std::string, Subtree> children,
                                                   std::vector<DagLink> links) {
  std::map<Cid, Subtree> shards;  // Without a parent yet; no two are equal: their names differ.
  auto store = [&](std::string block) -> absl::StatusOr<Cid> {
    L2P_ASSIGN_OR_RETURN(DagNode node, DecodeDagPb(AsBytes(block)));
    std::vector<Subtree> below;
    for (const DagLink& link : node.links) {
      auto found = link.name.size() == kSlotDigits
                       ? shards.extract(link.cid).mapped()
                       : children.extract(link.name.substr(kSlotDigits)).mapped();
      below.push_back(std::move(found));
    }
    L2P_ASSIGN_OR_RETURN(Subtree shard, writer_.AddNode(std::move(block), below));
    Cid cid = shard.cid;
    shards.emplace(cid, std::move(shard));
    return cid;
  };
  L2P_ASSIGN_OR_RETURN(DagLink root, BuildHamt(std::move(links), store));
  return std::move(shards.extract(root.cid).mapped());
}

}  // namespace l2p
