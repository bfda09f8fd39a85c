#ifndef L2P_KERNEL_CONTENT_DAG_KEEPER_H_
#define L2P_KERNEL_CONTENT_DAG_KEEPER_H_

#include "kernel/content/block_source.h"
#include "kernel/content/draft.h"
#include "kernel/content/group_builder.h"

namespace l2p {

// Reads the whole dag `root` from `source`, each node once however often it is linked, puts its
// blocks with draft's operation and adds its groups to `draft`. Blocks of other codecs than dag-pb
// count as blocks without links. ResourceExhausted for a dag over the caps in dag_keeper.cc.
absl::StatusOr<Subtree> KeepDag(BlockSource& source, const Cid& root, Draft& draft, Time deadline);

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_DAG_KEEPER_H_
