#ifndef L2P_KERNEL_CONTENT_FETCHER_H_
#define L2P_KERNEL_CONTENT_FETCHER_H_

#include <functional>
#include <map>
#include <utility>

#include "kernel/content/block_source.h"
#include "l2p/dag_pb.h"

namespace l2p {

// A Fetcher asks a BlockSource for many blocks at once and hands each to whoever asked for it: a
// reader asks ahead for what it needs next, and takes the blocks in the order that suits it.
// Identity ids carry their bytes and are never asked for.
//
// One task at a time.
class Fetcher {
 public:
  using Ticket = uint64_t;

  // `source` is lent; nothing else uses it meanwhile.
  Fetcher(BlockSource& source, Time deadline) : source_(source), deadline_(deadline) {}

  Ticket Ask(const Cid& id, uint32_t expected_size = 0);
  // The same for many at once; their tickets are in their tags then.
  void Ask(std::span<BlockSource::Wanted> wanted);

  // Blocks asked for and not taken.
  size_t pending() const { return asked_.size() + arrived_.size(); }

  // Whether Take would not wait.
  bool HasArrived(Ticket ticket) const { return arrived_.contains(ticket); }

  // Waits for the block of `ticket`.
  absl::StatusOr<Bytes> Take(Ticket ticket);

  // Waits for the first block among the tickets that are `mine`. REQUIRES: there is one.
  absl::StatusOr<std::pair<Ticket, Bytes>> TakeAny(const std::function<bool(Ticket)>& mine);

 private:
  struct Answer {
    Cid id;
    absl::StatusOr<Bytes> data;
  };
  absl::Status Receive();
  static absl::StatusOr<Bytes> Open(Answer answer);

  BlockSource& source_;
  const Time deadline_;
  Ticket next_ = 1;
  std::map<Ticket, Cid> asked_;
  std::map<Ticket, Answer> arrived_;  // Not taken yet.
};

// Decodes `block`, a dag-pb block; InvalidArgument names `id`.
absl::StatusOr<DagNode> NodeOf(const Cid& id, ByteView block);

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_FETCHER_H_
