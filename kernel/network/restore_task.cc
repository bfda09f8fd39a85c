#include "kernel/network/restore_task.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p {

RestoreTask::RestoreTask(FetchSession& session, std::shared_ptr<const Sidecar> sidecar,
                         size_t stripe)
    : session_(session),
      sidecar_(std::move(sidecar)),
      stripe_(stripe),
      basket_(std::make_shared<FetchSession::Basket>()) {
  for (size_t i = 0; i < sidecar_->pieces(); ++i) {
    blocks_.push_back(sidecar_->BlocksOf(stripe_, i));
    all_.insert(all_.end(), blocks_.back().begin(), blocks_.back().end());
  }
}

void RestoreTask::Run() {
  session_.Ask(all_, basket_, /*probe=*/true);
  const absl::Status status = Restore();
  session_.DropAll(all_, basket_);
  session_.EndRestore({sidecar_, stripe_}, std::move(restored_), status);
}

absl::Status RestoreTask::Restore() {
  for (;;) {
    std::vector<size_t> chosen;
    session_.AwaitWhileAnythingComes([&]() L2P_REQUIRES(session_.mutex_) {
      chosen = Choose();
      return session_.ended_ || chosen.size() == sidecar_->needed() || session_.PresenceKnown(all_);
    });
    if (chosen.size() < sidecar_->needed()) {
      return absl::UnavailableError(absl::StrCat(chosen.size(), " of ", sidecar_->needed(),
                                                 " pieces of its stripe can be had"));
    }
    const absl::Status fetched = Fetch(chosen);
    if (fetched.ok()) return Decode(chosen);
    if (absl::IsDeadlineExceeded(fetched)) return fetched;
    MutexLock lock(session_.mutex_);
    if (session_.ended_) return absl::AbortedError("the reader has ended");
    // One that was chosen has gone; with another one in its place there may be enough.
  }
}

std::vector<size_t> RestoreTask::Choose() const {
  std::vector<size_t> chosen;
  for (size_t i = 0; i < blocks_.size() && chosen.size() < sidecar_->needed(); ++i) {
    const bool whole = std::all_of(blocks_[i].begin(), blocks_[i].end(),
                                   [&](const BlockRef& block) L2P_REQUIRES(session_.mutex_) {
                                     return session_.CanBeHad(block.id, *basket_);
                                   });
    if (whole) chosen.push_back(i);
  }
  return chosen;
}

absl::Status RestoreTask::Fetch(const std::vector<size_t>& pieces) {
  std::vector<Multihash> ids;
  for (const size_t piece : pieces) {
    for (const BlockRef& block : blocks_[piece]) ids.push_back(block.id);
  }
  session_.Fetch(ids);
  bool lost = false;
  const bool in_time = session_.AwaitWhileAnythingComes([&]() L2P_REQUIRES(session_.mutex_) {
    lost = session_.ended_ || !std::all_of(ids.begin(), ids.end(),
                                           [&](const Multihash& id) L2P_REQUIRES(session_.mutex_) {
                                             return session_.CanBeHad(id, *basket_);
                                           });
    return lost || std::all_of(ids.begin(), ids.end(),
                               [&](const Multihash& id) { return basket_->contains(id); });
  });
  if (!in_time) return absl::DeadlineExceededError("the pieces of its stripe do not come");
  return lost ? absl::UnavailableError("a piece of its stripe has gone") : absl::OkStatus();
}

absl::Status RestoreTask::Decode(const std::vector<size_t>& pieces) {
  std::vector<HeldPiece> have;
  {
    MutexLock lock(session_.mutex_);
    for (const size_t piece : pieces) {
      HeldPiece held{piece, {}};
      for (const BlockRef& block : blocks_[piece]) held.blocks.push_back(basket_->at(block.id));
      have.push_back(std::move(held));
    }
  }
  const FetchSession::Parts& parts = session_.parts_;
  const absl::StatusOr<std::vector<RestoredLeaf>> leaves = RestoreLeaves(
      {parts.crypto, &parts.runtime.tasks(), &parts.memory}, *sidecar_, stripe_, have);
  if (!leaves.ok()) return absl::DataLossError(std::string(leaves.status().message()));
  // The pieces were verified as they came: what does not fit now is the sidecar.
  std::vector<absl::Status> right(leaves->size());
  parts.runtime.tasks().Parallel(leaves->size(), [&](size_t i) {
    right[i] = parts.blocks.hashers().Verify(sidecar_->group().leaves[(*leaves)[i].leaf].id,
                                             (*leaves)[i].data);
  });
  for (const absl::Status& status : right) {
    if (!status.ok()) return absl::DataLossError("the group's sidecar is wrong");
  }
  for (const RestoredLeaf& leaf : *leaves) {
    restored_.emplace_back(sidecar_->group().leaves[leaf.leaf].id, leaf.data);
  }
  return absl::OkStatus();
}

}  // namespace l2p
