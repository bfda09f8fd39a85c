#include "kernel/content/file_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

// Bytes asked for or waiting for their turn, and how many blocks.
constexpr uint64_t kAheadBytes = 32 << 20;
constexpr size_t kAheadBlocks = 1024;
// What an inner node counts for; they are mostly smaller.
constexpr uint64_t kNodeCost = 64 << 10;
constexpr int kMaxDepth = 64;
constexpr size_t kMaxParts = 1 << 20;

absl::Status Contradiction(const Cid& id, std::string_view problem) {
  return absl::DataLossError(absl::StrCat("file block ", id.ToString(), " ", av(problem)));
}

absl::StatusOr<UnixFs> FileOf(const Cid& id, const DagNode& node) {
  absl::StatusOr<UnixFs> message = UnixFsOf(node);
  if (!message.ok()) return WithContext(message.status(), id.ToString());
  if (message->type != UnixFs::Type::kFile && message->type != UnixFs::Type::kRaw) {
    return absl::InvalidArgumentError(absl::StrCat(id.ToString(), " is no file"));
  }
  return message;
}

}  // namespace

struct FileReader::Run {
  const Options& options;
  const Sink& sink;
  const Present& present;
  std::map<uint64_t, Part> parts;  // By offset.
  std::map<Fetcher::Ticket, Asked> asked;
  std::map<uint64_t, Bytes> waiting;  // For their turn, by offset.
  uint64_t ahead_bytes = 0;           // Of `asked` and `waiting`.
  uint64_t next = 0;                  // Offset of the next byte in order.
};

absl::StatusOr<FileReader> FileReader::Open(Fetcher& fetcher, const Cid& id, const Bytes& block) {
  FileReader reader(fetcher);
  reader.id_ = id;
  reader.block_ = block;
  reader.size_ = block.size();
  if (id.codec() != Codec::kRaw) {
    L2P_ASSIGN_OR_RETURN(DagNode node, NodeOf(id, block));
    L2P_ASSIGN_OR_RETURN(UnixFs message, FileOf(id, node));
    reader.size_ = message.file_size.value_or(0);
  }
  return reader;
}

absl::Status FileReader::Read(const Options& options, const Sink& sink, const Present& present) {
  Run run{options, sink, present, {}, {}, {}, 0, options.first};
  L2P_RETURN_IF_ERROR(Open(run, {{id_, size_, 0}, 0, 0}, std::exchange(block_, {})));
  for (;;) {
    L2P_RETURN_IF_ERROR(AskMore(run));
    if (run.asked.empty()) break;
    L2P_ASSIGN_OR_RETURN(auto arrived, fetcher_->TakeAny([&](Fetcher::Ticket ticket) {
      return run.asked.contains(ticket);
    }));
    const Asked asked = std::move(run.asked.extract(arrived.first).mapped());
    run.ahead_bytes -= asked.cost;
    L2P_RETURN_IF_ERROR(Open(run, asked, arrived.second));
  }
  return absl::OkStatus();
}

// Asks for parts from the left while there is room. The part that is next in order is asked for in
// any case, so the reading never stalls.
absl::Status FileReader::AskMore(Run& run) {
  while (!run.parts.empty()) {
    auto first = run.parts.begin();
    const auto& [offset, part] = *first;
    const bool leaf = part.cid.codec() == Codec::kRaw;
    const uint64_t cost = leaf ? part.size : kNodeCost;
    // Out of order, what has arrived is handed on at once: only the source holds bytes.
    const bool fits = !run.options.in_order || run.ahead_bytes + cost <= kAheadBytes;
    const bool room = fits && run.asked.size() < kAheadBlocks;
    const bool due = run.asked.empty() || (run.options.in_order && offset <= run.next);
    if (!room && !due) break;
    bool present = false;
    if (leaf && run.present) {
      L2P_ASSIGN_OR_RETURN(present, run.present(part.cid, offset, part.size));
    }
    if (!present) {
      if (leaf && part.size > kMaxBlockBytes) {
        return Contradiction(part.cid, absl::StrCat("cannot hold ", part.size, " bytes"));
      }
      const uint32_t expected = leaf ? static_cast<uint32_t>(part.size) : 0;
      run.asked.emplace(fetcher_->Ask(part.cid, expected), Asked{part, offset, cost});
      run.ahead_bytes += cost;
    }
    run.parts.erase(first);
  }
  return absl::OkStatus();
}

absl::Status FileReader::Open(Run& run, const Asked& asked, const Bytes& block) {
  const Part& part = asked.part;
  if (part.cid.codec() == Codec::kRaw) {
    if (block.size() != part.size) {
      return Contradiction(part.cid,
                           absl::StrCat("has ", block.size(), " bytes instead of ", part.size));
    }
    return Deliver(run, asked.offset, block);
  }
  L2P_ASSIGN_OR_RETURN(DagNode node, NodeOf(part.cid, block));
  L2P_ASSIGN_OR_RETURN(UnixFs message, FileOf(part.cid, node));
  if (message.file_size != part.size) {
    return Contradiction(part.cid, absl::StrCat("says it has ", message.file_size.value_or(0),
                                                " bytes instead of ", part.size));
  }
  uint64_t offset = asked.offset;
  if (message.data && !message.data->empty()) {
    const size_t size = message.data->size();
    L2P_RETURN_IF_ERROR(Deliver(run, offset, Bytes::Of(*std::move(message.data))));
    offset += size;
  }
  return Expand(run, part, offset, node, message);
}

absl::Status FileReader::Expand(Run& run, const Part& parent, uint64_t offset, const DagNode& node,
                                const UnixFs& message) {
  if (!node.links.empty() && parent.depth == kMaxDepth) {
    return Contradiction(parent.cid, absl::StrCat("is more than ", kMaxDepth, " nodes deep"));
  }
  for (size_t i = 0; i < node.links.size(); ++i) {
    const uint64_t size = message.block_sizes[i];
    // Parts without content are not read at all: there might be any number of them.
    const bool wanted = size > 0 && offset <= run.options.last && offset + size > run.options.first;
    if (wanted) run.parts.emplace(offset, Part{node.links[i].cid, size, parent.depth + 1});
    offset += size;
  }
  if (run.parts.size() <= kMaxParts) return absl::OkStatus();
  return absl::ResourceExhaustedError(
      absl::StrCat("file ", id_.ToString(), " has more than ", kMaxParts, " parts pending"));
}

absl::Status FileReader::Deliver(Run& run, uint64_t offset, Bytes data) {
  const uint64_t begin = std::max(offset, run.options.first);
  const uint64_t end = std::min(
      offset + data.size(), run.options.last == ~uint64_t{0} ? ~uint64_t{0} : run.options.last + 1);
  if (begin >= end) return absl::OkStatus();
  data = data.Slice(begin - offset, end - begin);
  if (!run.options.in_order) return run.sink(begin, data);
  run.ahead_bytes += data.size();
  run.waiting.emplace(begin, std::move(data));
  while (!run.waiting.empty() && run.waiting.begin()->first == run.next) {
    auto turn = run.waiting.extract(run.waiting.begin());
    run.ahead_bytes -= turn.mapped().size();
    run.next += turn.mapped().size();
    L2P_RETURN_IF_ERROR(run.sink(turn.key(), turn.mapped()));
  }
  return absl::OkStatus();
}

}  // namespace l2p
