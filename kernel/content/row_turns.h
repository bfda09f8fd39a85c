#ifndef L2P_KERNEL_CONTENT_ROW_TURNS_H_
#define L2P_KERNEL_CONTENT_ROW_TURNS_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "l2p/mutex.h"
#include "l2p/runtime.h"

namespace l2p {

// RowTurns lets one task at a time read and rewrite a row of a State. [any thread]
class RowTurns {
 public:
  explicit RowTurns(Runtime& runtime) : ended_(runtime.NewEvent()) {}

  // The right to change some rows, from the construction, which waits for it, to the destruction.
  // Taken for all rows of a change at once, so two turns never wait for each other.
  class Turn {
   public:
    Turn(RowTurns& turns, std::vector<std::string> rows);
    ~Turn();
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    RowTurns& turns_;
    const std::vector<std::string> rows_;
  };

 private:
  const std::unique_ptr<Event> ended_;
  Mutex mutex_{"RowTurns"};
  std::set<std::string> taken_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_ROW_TURNS_H_
