#ifndef L2P_KERNEL_RUNTIME_REAL_RUNTIME_H_
#define L2P_KERNEL_RUNTIME_REAL_RUNTIME_H_

#include <memory>
#include <string>

#include "kernel/runtime/clock.h"
#include "kernel/runtime/posix_folder.h"
#include "kernel/runtime/socket_listeners.h"
#include "kernel/runtime/sqlite_state.h"
#include "kernel/runtime/worker_tasks.h"
#include "l2p/folder_path.h"
#include "l2p/runtime.h"

namespace l2p {

// The Runtime of a node in a process: the system's clock, threads, files, sockets and generator,
// and one SQLite file. It has its data folder for itself.
class RealRuntime : public Runtime, public FolderPath {
 public:
  struct Options {
    std::string data_dir;  // Made if missing.
    size_t max_tasks = 256;
    Severity log_level = Severity::kInfo;  // What is less severe is not written.
  };

  // FailedPrecondition when another process uses the folder, naming it.
  static absl::StatusOr<std::unique_ptr<RealRuntime>> Open(const Options& options);
  ~RealRuntime() override;

  Time Now() override { return clock_.Now(); }
  std::unique_ptr<Event> NewEvent() override { return NewThreadEvent(clock_); }
  Tasks& tasks() override { return tasks_; }
  void Random(MutableByteView out) override;
  Folder& folder() override { return *folder_; }
  absl::StatusOr<State*> OpenState(std::string_view name) override {
    return state_->OpenTable(name);
  }
  void Log(Severity severity, std::string_view source, std::string_view text) override;
  void* Query(std::string_view ability) override;

  // The data folder's path, for what is opened by path: plugin copies, the admin's socket.
  std::string path() const override { return folder_->path(); }
  size_t threads() const { return tasks_.threads(); }

 private:
  RealRuntime(const Options& options, std::unique_ptr<PosixFolder> folder, int lock);

  const Severity log_level_;
  const std::unique_ptr<PosixFolder> folder_;
  const int lock_;  // Descriptor of data.dir/lock.
  const Clock clock_;
  std::unique_ptr<StateFile> state_;
  SocketListeners listeners_;
  WorkerTasks tasks_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_RUNTIME_REAL_RUNTIME_H_
