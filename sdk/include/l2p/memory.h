#ifndef L2P_MEMORY_H_
#define L2P_MEMORY_H_

#include <cstddef>
#include <memory>

#include "l2p/bytes.h"
#include "l2p/event.h"
#include "l2p/status.h"

namespace l2p {

class Runtime;

// Memory is the node's one budget for bulk bytes in flight, whatever the size of the files. Freed
// buffers of the common sizes are kept for reuse, within the budget, and let go when idle.
//
// [any thread]. Buffers and the Bytes made of them may outlive the Memory.
class L2P_SDK_API Memory {
 public:
  // `runtime` is lent and outlives this.
  Memory(Runtime& runtime, size_t limit_bytes);
  ~Memory();

  // A Buffer of `bytes`, its content undefined. Waits in order of arrival while the budget is used
  // up; DeadlineExceeded when that lasts past `deadline`, InvalidArgument when `bytes` is over the
  // whole budget. Never called while holding a Buffer the budget needs back from the same task
  // beyond its own working set: take first, then fill.
  absl::StatusOr<Buffer> Take(size_t bytes, Time deadline);

  // As Take with a deadline in the past.
  absl::StatusOr<Buffer> TryTake(size_t bytes);

  size_t limit() const;
  size_t used() const;

  // Gives kept buffers back to the system. Called by the node when it has been idle.
  void Trim();

 private:
  class Budget;
  std::shared_ptr<Budget> budget_;
};

}  // namespace l2p

#endif  // L2P_MEMORY_H_
