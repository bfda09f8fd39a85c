#include "kernel/content/fetcher.h"

#include <vector>

#include "absl/strings/str_cat.h"

namespace l2p {

Fetcher::Ticket Fetcher::Ask(const Cid& id, uint32_t expected_size) {
  BlockSource::Wanted wanted{id, expected_size};
  Ask({&wanted, 1});
  return wanted.tag;
}

void Fetcher::Ask(std::span<BlockSource::Wanted> wanted) {
  std::vector<BlockSource::Wanted> missing;
  for (BlockSource::Wanted& want : wanted) {
    want.tag = next_++;
    const Multihash& hash = want.id.hash();
    if (hash.code() == HashCode::kIdentity) {
      arrived_.emplace(want.tag, Answer{want.id, Bytes::Copy(hash.digest())});
    } else {
      asked_.emplace(want.tag, want.id);
      missing.push_back(want);
    }
  }
  if (!missing.empty()) source_.Want(missing);
}

absl::StatusOr<Bytes> Fetcher::Take(Ticket ticket) {
  for (;;) {
    if (auto found = arrived_.find(ticket); found != arrived_.end()) {
      return Open(std::move(arrived_.extract(found).mapped()));
    }
    L2P_RETURN_IF_ERROR(Receive());
  }
}

absl::StatusOr<std::pair<Fetcher::Ticket, Bytes>> Fetcher::TakeAny(
    const std::function<bool(Ticket)>& mine) {
  for (;;) {
    for (auto i = arrived_.begin(); i != arrived_.end(); ++i) {
      const Ticket ticket = i->first;
      if (!mine(ticket)) continue;
      L2P_ASSIGN_OR_RETURN(Bytes data, Open(std::move(arrived_.extract(i).mapped())));
      return std::pair(ticket, std::move(data));
    }
    L2P_RETURN_IF_ERROR(Receive());
  }
}

absl::Status Fetcher::Receive() {
  L2P_ASSIGN_OR_RETURN(BlockSource::Arrived arrived, source_.Next(deadline_));
  auto asked = asked_.extract(arrived.tag);
  if (asked.empty()) return absl::InternalError("a block arrived that was not asked for");
  arrived_.emplace(arrived.tag, Answer{std::move(asked.mapped()), std::move(arrived.data)});
  return absl::OkStatus();
}

absl::StatusOr<Bytes> Fetcher::Open(Answer answer) {
  if (answer.data.ok()) return *std::move(answer.data);
  return WithContext(answer.data.status(), absl::StrCat("block ", answer.id.ToString()));
}

absl::StatusOr<DagNode> NodeOf(const Cid& id, ByteView block) {
  if (id.codec() != Codec::kDagPb) {
    return absl::InvalidArgumentError(absl::StrCat(id.ToString(),
                                                   ": neither a file nor a folder (codec ",
                                                   static_cast<uint64_t>(id.codec()), ")"));
  }
  absl::StatusOr<DagNode> node = DecodeDagPb(block);
  if (!node.ok()) return WithContext(node.status(), id.ToString());
  return node;
}

}  // namespace l2p
