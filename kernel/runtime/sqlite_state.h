#ifndef L2P_KERNEL_RUNTIME_SQLITE_STATE_H_
#define L2P_KERNEL_RUNTIME_SQLITE_STATE_H_

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "l2p/state.h"

namespace l2p {

// A StateFile is one SQLite file that holds all State tables of a node. Commits that arrive while
// one is being written share the next transaction, and its one wait for the disk. [any thread]
class StateFile {
 public:
  // The file at `path`, made if missing.
  static absl::StatusOr<std::unique_ptr<StateFile>> Open(const std::string& path);
  ~StateFile();

  // See Runtime::OpenState.
  absl::StatusOr<State*> OpenTable(std::string_view name);

 private:
  class Table;
  class Database;
  struct Request;

  explicit StateFile(std::unique_ptr<Database> database);
  absl::Status Commit(int64_t table, std::span<const State::Change> changes);

  const std::unique_ptr<Database> database_;
  std::mutex mutex_;  // Guards what follows.
  std::condition_variable committed_;
  std::vector<Request*> waiting_;
  bool committing_ = false;
  std::map<std::string, std::unique_ptr<Table>, std::less<>> tables_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_RUNTIME_SQLITE_STATE_H_
