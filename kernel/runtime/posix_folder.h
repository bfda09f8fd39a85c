#ifndef L2P_KERNEL_RUNTIME_POSIX_FOLDER_H_
#define L2P_KERNEL_RUNTIME_POSIX_FOLDER_H_

#include <memory>
#include <string>

#include "l2p/folder.h"

namespace l2p {

// A Folder of the file system, held by descriptor: it stays the same folder when its path is moved.
// What it makes is for its owner only (0700, 0600).
class PosixFolder : public Folder {
 public:
  // The folder at `path`, made with its parents if missing.
  static absl::StatusOr<std::unique_ptr<PosixFolder>> OpenPath(const std::string& path);
  ~PosixFolder() override;

  absl::StatusOr<std::unique_ptr<File>> Open(std::string_view name, Mode mode) override;
  absl::StatusOr<std::unique_ptr<Folder>> OpenFolder(std::string_view name) override;
  absl::StatusOr<std::vector<std::string>> List() override;
  absl::Status Rename(std::string_view from, std::string_view to) override;
  absl::Status Remove(std::string_view name) override;
  absl::Status Sync() override;
  absl::StatusOr<Space> Free() override;

  const std::string& path() const { return path_; }
  int fd() const { return fd_; }

 private:
  PosixFolder(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  absl::StatusOr<std::unique_ptr<PosixFolder>> OpenChild(std::string_view name, int flags);

  const int fd_;
  const std::string path_;  // For messages.
};

}  // namespace l2p

#endif  // L2P_KERNEL_RUNTIME_POSIX_FOLDER_H_
