#include "kernel/runtime/path_input.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kernel/runtime/fd.h"

namespace l2p {
namespace {

constexpr size_t kMaxDepth = 256;

struct DirectoryCloser {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

// Walks depth first with one open directory stream per level, never the whole tree in memory.
class PathInput : public Input {
 public:
  // `top` is open at `path`; a folder is walked, a file read.
  PathInput(Fd top, std::string path, bool is_folder, uint64_t file_size)
      : top_(std::move(top)), path_(std::move(path)), is_folder_(is_folder) {
    if (!is_folder_) total_bytes_ = file_size;
  }

  absl::StatusOr<std::optional<Entry>> Next() override {
    file_ = Fd();
    if (!started_) {
      started_ = true;
      if (!is_folder_) {
        file_ = std::move(top_);
        return Entry{Entry::Type::kFile, "", "", *total_bytes_};
      }
      L2P_RETURN_IF_ERROR(Enter(std::move(top_), ""));
      return Entry{Entry::Type::kFolder, "", "", 0};
    }
    while (!levels_.empty()) {
      Level& level = levels_.back();
      if (level.next == level.names.size()) {
        levels_.pop_back();
        continue;
      }
      const std::string name = level.names[level.next++];
      return OpenEntry(level, name);
    }
    return std::nullopt;
  }

  absl::StatusOr<size_t> Read(MutableByteView into) override {
    for (;;) {
      const ssize_t got = ::read(file_.get(), into.data(), into.size());
      if (got >= 0) return static_cast<size_t>(got);
      if (errno != EINTR) return ErrnoStatus(errno, absl::StrCat("read ", file_path_));
    }
  }

  std::optional<uint64_t> total_bytes() const override { return total_bytes_; }

 private:
  struct Level {
    Fd folder;
    std::string prefix;  // Of its entries' paths: "" or "a/b/".
    std::vector<std::string> names;
    size_t next = 0;
  };

  std::string FullPath(const std::string& relative) const {
    return absl::StrCat(path_, "/", relative);
  }

  absl::Status Enter(Fd folder, std::string prefix) {
    if (levels_.size() == kMaxDepth) {
      return absl::InvalidArgumentError(
          absl::StrCat("put ", FullPath(prefix), ": folders are more than ", kMaxDepth, " deep"));
    }
    const int listing = ::dup(folder.get());
    std::unique_ptr<DIR, DirectoryCloser> directory(listing < 0 ? nullptr : ::fdopendir(listing));
    if (!directory) return ErrnoStatus(errno, absl::StrCat("list ", FullPath(prefix)));
    Level level{std::move(folder), std::move(prefix), {}, 0};
    for (errno = 0; const dirent* item = ::readdir(directory.get()); errno = 0) {
      if (item->d_name[0] != '.') level.names.emplace_back(item->d_name);
    }
    if (errno != 0) return ErrnoStatus(errno, absl::StrCat("list ", FullPath(level.prefix)));
    std::sort(level.names.begin(), level.names.end());
    levels_.push_back(std::move(level));
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<Entry>> OpenEntry(Level& level, const std::string& name) {
    Entry entry;
    entry.path = absl::StrCat(level.prefix, name);
    file_path_ = FullPath(entry.path);
    struct stat info;
    if (::fstatat(level.folder.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoStatus(errno, absl::StrCat("stat ", file_path_));
    }
    if (S_ISLNK(info.st_mode)) {
      char target[PATH_MAX];
      const ssize_t size = ::readlinkat(level.folder.get(), name.c_str(), target, sizeof target);
      if (size < 0) return ErrnoStatus(errno, absl::StrCat("read link ", file_path_));
      entry.type = Entry::Type::kLink;
      entry.target.assign(target, static_cast<size_t>(size));
      return entry;
    }
    if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
      return absl::InvalidArgumentError(
          absl::StrCat("put ", file_path_, ": neither a file, a folder nor a link"));
    }
    Fd opened(::openat(level.folder.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!opened.valid()) return ErrnoStatus(errno, absl::StrCat("open ", file_path_));
    if (S_ISDIR(info.st_mode)) {
      entry.type = Entry::Type::kFolder;
      L2P_RETURN_IF_ERROR(Enter(std::move(opened), absl::StrCat(entry.path, "/")));
      return entry;
    }
    file_ = std::move(opened);
    entry.size = static_cast<uint64_t>(info.st_size);
    return entry;
  }

  Fd top_;
  const std::string path_;
  const bool is_folder_;
  std::optional<uint64_t> total_bytes_;
  bool started_ = false;
  std::vector<Level> levels_;
  Fd file_;
  std::string file_path_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Input>> OpenPathInput(const std::string& path) {
  Fd top(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!top.valid()) return ErrnoStatus(errno, absl::StrCat("open ", path));
  struct stat info;
  if (::fstat(top.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
  if (!S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("put ", path, ": neither a file nor a folder"));
  }
  return std::make_unique<PathInput>(std::move(top), path, S_ISDIR(info.st_mode),
                                     static_cast<uint64_t>(info.st_size));
}

}  // namespace l2p
