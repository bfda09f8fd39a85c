#include "kernel/content/folder_reader.h"

#include <bit>

#include "absl/strings/str_cat.h"
#include "l2p/hamt.h"
#include "l2p/unixfs.h"

namespace l2p {
namespace {

// Blocks asked for ahead, in all folders on the way; larger files are not read ahead.
constexpr size_t kAhead = 64;
constexpr uint64_t kMaxAheadBytes = 256 << 10;
constexpr int kHashBits = 64;

absl::Status Malformed(const Cid& id, std::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("folder ", id.ToString(), " ", av(problem)));
}

}  // namespace

absl::StatusOr<FolderReader> FolderReader::Open(Fetcher& fetcher, const Cid& id,
                                                const DagNode& root, bool ahead) {
  FolderReader reader(fetcher, ahead);
  L2P_ASSIGN_OR_RETURN(UnixFs message, UnixFsOf(root));
  if (message.type == UnixFs::Type::kHamtShard) {
    L2P_RETURN_IF_ERROR(reader.PushShard(id, root, 0, 0));
    return reader;
  }
  if (message.type != UnixFs::Type::kDirectory) return Malformed(id, "is no folder");
  Node& node = reader.path_.emplace_back();
  for (const DagLink& link : root.links) {
    L2P_RETURN_IF_ERROR(WithContext(CheckEntryName(link.name), id.ToString()));
    if (!reader.seen_.insert(link.name).second) continue;
    node.items.push_back({{link.name, link.cid, link.tsize, 0}, false, 0});
  }
  return reader;
}

absl::Status FolderReader::PushShard(const Cid& id, const DagNode& node, uint64_t prefix,
                                     int prefix_bits) {
  absl::StatusOr<HamtShard> shard = DecodeHamtShard(node);
  if (!shard.ok()) return WithContext(shard.status(), absl::StrCat("folder ", id.ToString()));
  const int bits = std::countr_zero(shard->fanout);
  if (prefix_bits + bits > kHashBits) return Malformed(id, "is deeper than a hash has bits");
  if (prefix_bits > 0 && shard->entries.empty()) return Malformed(id, "has an empty shard");

  Node level;
  level.prefix = prefix;
  level.prefix_bits = prefix_bits;
  level.slot_bits = bits;
  for (HamtEntry& entry : shard->entries) {
    const bool is_shard = entry.is_shard();
    if (!is_shard) {
      L2P_RETURN_IF_ERROR(WithContext(CheckEntryName(entry.name), id.ToString()));
      const uint64_t here = prefix << bits | entry.slot;
      if (HamtHash(entry.name) >> (kHashBits - prefix_bits - bits) != here) {
        return Malformed(id, absl::StrCat("has \"", entry.name, "\" in a wrong shard"));
      }
    }
    level.items.push_back(
        {{std::move(entry.name), std::move(entry.cid), entry.tsize, 0}, is_shard, entry.slot});
  }
  path_.push_back(std::move(level));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<FolderReader::Entry>> FolderReader::Next() {
  while (!path_.empty()) {
    Node& node = path_.back();
    if (node.next == node.items.size()) {
      path_.pop_back();
      continue;
    }
    AskAhead(node);
    Item item = std::move(node.items[node.next++]);
    if (!item.shard) return std::move(item.entry);
    L2P_ASSIGN_OR_RETURN(Bytes block, fetcher_->Take(item.entry.ticket));
    L2P_ASSIGN_OR_RETURN(DagNode shard, NodeOf(item.entry.cid, block));
    L2P_RETURN_IF_ERROR(PushShard(item.entry.cid, shard, node.prefix << node.slot_bits | item.slot,
                                  node.prefix_bits + node.slot_bits));
  }
  return std::nullopt;
}

void FolderReader::AskAhead(Node& node) {
  for (; node.asked < node.items.size(); ++node.asked) {
    Item& item = node.items[node.asked];
    if (!item.shard && !ahead_) continue;
    const bool large = item.entry.cid.codec() == Codec::kRaw && item.entry.tsize > kMaxAheadBytes;
    const bool due = node.asked <= node.next;
    if (!due && (large || fetcher_->pending() >= kAhead)) break;
    item.entry.ticket = fetcher_->Ask(item.entry.cid);
  }
}

}  // namespace l2p
