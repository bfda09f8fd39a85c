#include "kernel/content/row_turns.h"

#include <utility>

namespace l2p {

RowTurns::Turn::Turn(RowTurns& turns, std::vector<std::string> rows)
    : turns_(turns), rows_(std::move(rows)) {
  Await(turns_.mutex_, *turns_.ended_, absl::InfiniteFuture(),
        [this]() L2P_REQUIRES(turns_.mutex_) {
          for (const std::string& row : rows_) {
            if (turns_.taken_.contains(row)) return false;
          }
          turns_.taken_.insert(rows_.begin(), rows_.end());
          return true;
        });
}

RowTurns::Turn::~Turn() {
  MutexLock lock(turns_.mutex_);
  for (const std::string& row : rows_) turns_.taken_.erase(row);
  turns_.ended_->Set();
}

}  // namespace l2p
