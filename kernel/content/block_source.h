#ifndef L2P_KERNEL_CONTENT_BLOCK_SOURCE_H_
#define L2P_KERNEL_CONTENT_BLOCK_SOURCE_H_

#include <cstdint>
#include <optional>
#include <span>

#include "l2p/bytes.h"
#include "l2p/cid.h"
#include "l2p/event.h"
#include "l2p/status.h"

namespace l2p {

// A BlockSource yields verified blocks, from this node's store or from the network. It is one
// reader's session: it remembers which peers served the neighbours of a block.
//
// One task at a time. Destroying it abandons what is wanted.
class BlockSource {
 public:
  struct Wanted {
    Cid id;
    uint32_t size = 0;  // Expected bytes, 0 if unknown: for the memory budget.
    uint64_t tag = 0;   // The caller's; comes back with the block.
  };
  struct Arrived {
    uint64_t tag = 0;
    absl::StatusOr<Bytes> data = absl::UnknownError("");  // The verdict, if it cannot be had.
  };

  virtual ~BlockSource() = default;

  // Asks for blocks, in order of preference; several Wanted may name the same block. Never waits.
  // At most kMaxWanted unanswered.
  static constexpr size_t kMaxWanted = 4096;
  virtual void Want(std::span<const Wanted> wanted) = 0;

  // The next block, in order of arrival. DeadlineExceeded when none comes by `deadline`.
  // REQUIRES: something is wanted.
  virtual absl::StatusOr<Arrived> Next(Time deadline) = 0;
};

// Want and Next for one block. REQUIRES: nothing else is wanted.
absl::StatusOr<Bytes> GetBlock(BlockSource& source, const Cid& id, Time deadline);

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_BLOCK_SOURCE_H_
