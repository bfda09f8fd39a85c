#include "kernel/content/tree_reader.h"

#include <bit>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "l2p/hamt.h"
#include "l2p/unixfs.h"

namespace l2p {
namespace {

// How far ahead of the entry whose turn it is blocks are asked for.
constexpr size_t kAhead = 512;
constexpr uint64_t kAheadBytes = 16 << 20;
constexpr uint64_t kNodeCost = 64 << 10;  // What a node counts for; they are mostly smaller.
// Folders are opened before their turn while no more entries than this are known.
constexpr size_t kMaxKnown = 16 << 10;
// Blocks are asked for in batches: one by one, each would cost a message and a task of its own.
constexpr size_t kTurnsBetweenLooks = 64;
constexpr int kHashBits = 64;

absl::Status Malformed(const Cid& id, std::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("folder ", id.ToString(), " ", av(problem)));
}

}  // namespace

TreeReader TreeReader::OfTree(Fetcher& fetcher, const Cid& root) {
  TreeReader reader(fetcher, true);
  reader.steps_.emplace_back().cid = root;
  return reader;
}

absl::StatusOr<TreeReader> TreeReader::OfFolder(Fetcher& fetcher, const OpenedBlock& folder) {
  TreeReader reader(fetcher, false);
  Step root;
  root.cid = folder.stat.id;
  L2P_ASSIGN_OR_RETURN(reader.steps_, reader.EntriesOf(root, folder));
  return reader;
}

std::string TreeReader::PathOf(const Step& step) {
  if (step.parent == nullptr || step.parent->empty()) return step.name;
  return absl::StrCat(*step.parent, "/", step.name);
}

absl::StatusOr<std::optional<TreeReader::Entry>> TreeReader::Next() {
  while (!steps_.empty()) {
    if (IsRead(steps_.front())) {
      ReadAhead();
      // A shard has become its entries meanwhile, or does now.
      if (!steps_.front().opened) {
        if (steps_.front().ticket != 0) Unfold(steps_.begin());
        continue;
      }
    }
    Step step = std::move(steps_.front());
    steps_.pop_front();
    Entry entry{PathOf(step), step.cid, step.tsize, {}};
    if (step.opened) {
      if (!step.opened->ok()) {
        return entry.path.empty() ? step.opened->status()
                                  : WithContext(step.opened->status(), entry.path);
      }
      entry.opened = **std::move(step.opened);
    }
    return entry;
  }
  return std::nullopt;
}

// Asks for the blocks of the next steps, and opens the folders among them that have arrived: their
// entries are the next steps then.
void TreeReader::ReadAhead() {
  if (steps_.front().ticket != 0 && until_next_look_ > 0) {
    --until_next_look_;
    return;
  }
  until_next_look_ = kTurnsBetweenLooks;
  std::vector<BlockSource::Wanted> wanted;
  std::vector<Step*> asking;
  size_t ahead = 0;
  uint64_t bytes = 0;
  for (auto step = steps_.begin(); step != steps_.end() && ahead < kAhead;) {
    const bool is_leaf = step->cid.codec() == Codec::kRaw && !step->shard;
    if (!is_leaf && !step->opened && step->ticket != 0 && steps_.size() < kMaxKnown &&
        fetcher_->HasArrived(step->ticket)) {
      step = Unfold(step);
      continue;
    }
    if (IsRead(*step)) {
      bytes += is_leaf ? step->tsize : kNodeCost;
      if (ahead > 0 && bytes > kAheadBytes) break;
      ++ahead;
      if (step->ticket == 0) {
        wanted.push_back({step->cid});
        asking.push_back(&*step);
      }
    }
    ++step;
  }
  fetcher_->Ask(wanted);
  for (size_t i = 0; i < wanted.size(); ++i) asking[i]->ticket = wanted[i].tag;
}

// Opens a step whose block was asked for, and puts the entries of a folder behind it. Returns the
// step itself, or what has come in the place of a shard.
TreeReader::Steps::iterator TreeReader::Unfold(Steps::iterator step) {
  absl::StatusOr<OpenedBlock> opened = Open(*step);
  if (opened.ok() && (step->shard || opened->stat.type == Stat::Type::kFolder)) {
    absl::StatusOr<Steps> entries = EntriesOf(*step, *opened);
    if (!entries.ok()) {
      opened = entries.status();
    } else if (step->shard) {
      steps_.splice(std::next(step), *entries);
      return steps_.erase(step);
    } else {
      steps_.splice(std::next(step), *entries);
    }
  }
  step->opened = std::move(opened);
  return step;
}

absl::StatusOr<OpenedBlock> TreeReader::Open(const Step& step) {
  L2P_ASSIGN_OR_RETURN(Bytes block, fetcher_->Take(step.ticket));
  return OpenBlock(step.cid, std::move(block));
}

absl::StatusOr<TreeReader::Steps> TreeReader::EntriesOf(const Step& folder,
                                                        const OpenedBlock& opened) const {
  if (folder.depth == kMaxDepth) {
    return absl::ResourceExhaustedError(
        absl::StrCat("folders are nested more than ", kMaxDepth, " deep"));
  }
  L2P_ASSIGN_OR_RETURN(const UnixFs message, UnixFsOf(opened.node));
  if (folder.shard || message.type == UnixFs::Type::kHamtShard) {
    return EntriesOfShard(folder, opened);
  }
  if (message.type != UnixFs::Type::kDirectory) return Malformed(folder.cid, "is no folder");
  Steps steps;
  const auto path = std::make_shared<const std::string>(PathOf(folder));
  std::set<std::string_view> seen;
  for (const DagLink& link : opened.node.links) {
    L2P_RETURN_IF_ERROR(WithContext(CheckEntryName(link.name), folder.cid.ToString()));
    // Where a name occurs twice, the first counts.
    if (!seen.insert(link.name).second) continue;
    steps.push_back({path, link.name, link.cid, link.tsize, folder.depth + 1, {}, 0, {}});
  }
  return steps;
}

absl::StatusOr<TreeReader::Steps> TreeReader::EntriesOfShard(const Step& folder,
                                                             const OpenedBlock& opened) const {
  absl::StatusOr<HamtShard> shard = DecodeHamtShard(opened.node);
  if (!shard.ok()) {
    return WithContext(shard.status(), absl::StrCat("folder ", folder.cid.ToString()));
  }
  const Prefix prefix = folder.shard.value_or(Prefix{});
  const int bits = prefix.count + std::countr_zero(shard->fanout);
  if (bits > kHashBits) return Malformed(folder.cid, "is deeper than a hash has bits");
  if (folder.shard && shard->entries.empty()) return Malformed(folder.cid, "has an empty shard");

  Steps steps;
  const auto path =
      folder.shard ? folder.parent : std::make_shared<const std::string>(PathOf(folder));
  const int depth = folder.shard ? folder.depth : folder.depth + 1;
  for (HamtEntry& entry : shard->entries) {
    const uint64_t here = prefix.bits << (bits - prefix.count) | entry.slot;
    Step step{path, entry.name, std::move(entry.cid), entry.tsize, depth, {}, 0, {}};
    if (entry.is_shard()) {
      step.shard = Prefix{here, bits};
    } else {
      L2P_RETURN_IF_ERROR(WithContext(CheckEntryName(entry.name), folder.cid.ToString()));
      if (HamtHash(entry.name) >> (kHashBits - bits) != here) {
        return Malformed(folder.cid, absl::StrCat("has \"", entry.name, "\" in a wrong shard"));
      }
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace l2p
