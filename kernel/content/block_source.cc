#include "kernel/content/block_source.h"

namespace l2p {

absl::StatusOr<Bytes> GetBlock(BlockSource& source, const Cid& id, Time deadline) {
  const BlockSource::Wanted wanted{id, 0, 0};
  source.Want({&wanted, 1});
  L2P_ASSIGN_OR_RETURN(BlockSource::Arrived arrived, source.Next(deadline));
  return std::move(arrived.data);
}

}  // namespace l2p
