#include "kernel/runtime/path_output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kernel/runtime/fd.h"
#include "kernel/runtime/write_at.h"

namespace l2p {
namespace {

// Written and not yet handed to the disk: what EndFile's sync may have to wait for.
constexpr uint64_t kWriteBehind = 16 << 20;
// A file of this size on does not stay in the page cache, where it would drive out what this
// machine works with.
constexpr uint64_t kDropFrom = 64 << 20;
constexpr int kOpenFolder = O_RDONLY | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW;

class PosixPathOutput : public PathOutput {
 public:
  PosixPathOutput(Fd parent, std::string target, std::string name)
      : parent_(std::move(parent)),
        target_(std::move(target)),
        name_(std::move(name)),
        part_name_(absl::StrCat(name_, ".l2p-part")) {}

  absl::Status Folder(std::string_view path) override {
    L2P_ASSIGN_OR_RETURN(const Place place, PlaceOf(path));
    if (::mkdirat(place.folder(), place.name.c_str(), 0777) != 0 && errno != EEXIST) {
      return Failed("make folder", path);
    }
    // An earlier part may hold something else under this name.
    Fd opened(::openat(place.folder(), place.name.c_str(), kOpenFolder));
    return opened.valid() ? absl::OkStatus() : Failed("open folder", path);
  }

  absl::Status Link(std::string_view path, std::string_view target) override {
    L2P_ASSIGN_OR_RETURN(const Place place, PlaceOf(path));
    if (::unlinkat(place.folder(), place.name.c_str(), 0) != 0 && errno != ENOENT) {
      return Failed("replace", path);
    }
    if (::symlinkat(std::string(target).c_str(), place.folder(), place.name.c_str()) != 0) {
      return Failed("make link", path);
    }
    return absl::OkStatus();
  }

  absl::Status BeginFile(std::string_view path, uint64_t size) override {
    L2P_ASSIGN_OR_RETURN(const Place place, PlaceOf(path));
    file_path_ = std::string(path);
    unsent_ = 0;
    cache_ = size < kDropFrom ? PageCache::kKeep : PageCache::kDrop;
    file_ = Fd(::openat(place.folder(), place.name.c_str(),
                        O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666));
    if (!file_.valid()) return Failed("create", path);
    struct stat info;
    if (::fstat(file_.get(), &info) != 0) return Failed("stat", path);
    if (!S_ISREG(info.st_mode)) {
      return absl::FailedPreconditionError(
          absl::StrCat("write ", av(FullPath(path)), ": not a regular file"));
    }
    resumable_ = static_cast<uint64_t>(info.st_size) == size;
    if (!resumable_ && ::ftruncate(file_.get(), 0) != 0) return Failed("truncate", path);
    if (::ftruncate(file_.get(), static_cast<off_t>(size)) != 0) return Failed("size", path);
    return absl::OkStatus();
  }

  absl::Status Write(uint64_t offset, const Bytes& data) override {
    const ByteView part = data.view();
    if (!WriteAt(file_.get(), offset, {&part, 1}, cache_)) return Failed("write", file_path_);
    unsent_ += data.size();
    if (unsent_ >= kWriteBehind) {
      // Only a start: the disk works while the next blocks arrive. EndFile reports what fails.
      ::sync_file_range(file_.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
      unsent_ = 0;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<size_t> ReadBack(uint64_t offset, MutableByteView into) override {
    if (!resumable_ || into.empty()) return 0;
    // A hole was never written: nothing to verify there.
    const off_t data = ::lseek(file_.get(), static_cast<off_t>(offset), SEEK_DATA);
    if (data < 0 || static_cast<uint64_t>(data) >= offset + into.size()) return 0;
    const ssize_t got = ::pread(file_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    return got < 0 ? 0 : static_cast<size_t>(got);
  }

  absl::Status EndFile() override {
    // A tree is synced once, in Commit: thousands of small syncs would dwarf the writing.
    if (file_path_.empty() && ::fdatasync(file_.get()) != 0) return Failed("sync", file_path_);
    is_tree_ = is_tree_ || !file_path_.empty();
    file_ = Fd();
    return absl::OkStatus();
  }

  absl::Status Commit() override {
    if (is_tree_ && ::syncfs(parent_.get()) != 0) return ErrnoStatus(errno, "sync " + target_);
    // RENAME_NOREPLACE: whoever made the target meanwhile keeps it.
    if (::renameat2(parent_.get(), part_name_.c_str(), parent_.get(), name_.c_str(),
                    RENAME_NOREPLACE) != 0) {
      return ErrnoStatus(errno, absl::StrCat("rename ", target_, ".l2p-part to ", target_));
    }
    if (::fsync(parent_.get()) != 0) return ErrnoStatus(errno, absl::StrCat("sync ", target_));
    return absl::OkStatus();
  }

 private:
  // The folder and the last name of a path, each part opened below the one before.
  struct Place {
    int parent = -1;
    Fd opened;
    std::string name;
    int folder() const { return opened.valid() ? opened.get() : parent; }
  };

  absl::StatusOr<Place> PlaceOf(std::string_view path) const {
    Place place;
    place.parent = parent_.get();
    place.name = part_name_;
    if (path.empty()) return place;
    for (const absl::string_view part : absl::StrSplit(av(path), '/')) {
      Fd next(::openat(place.folder(), place.name.c_str(), kOpenFolder));
      if (!next.valid()) return Failed("open", path);
      place.opened = std::move(next);
      place.name = std::string(part);
      if (place.name.empty() || place.name == "." || place.name == "..") {
        return absl::InvalidArgumentError(
            absl::StrCat("write ", av(path), ": not a name that can be written"));
      }
    }
    return place;
  }

  std::string FullPath(std::string_view path) const {
    return path.empty() ? target_ : absl::StrCat(target_, "/", av(path));
  }

  absl::Status Failed(std::string_view what, std::string_view path) const {
    return ErrnoStatus(errno, absl::StrCat(av(what), " ", FullPath(path)));
  }

  const Fd parent_;
  const std::string target_;
  const std::string name_;
  const std::string part_name_;
  Fd file_;
  std::string file_path_;
  PageCache cache_ = PageCache::kKeep;
  uint64_t unsent_ = 0;
  bool resumable_ = false;
  bool is_tree_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<PathOutput>> PathOutput::Open(const std::string& target) {
  std::string path = target;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") {
    return absl::InvalidArgumentError(absl::StrCat("write to ", target, ": not a file name"));
  }
  Fd parent(::open(folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  if (!parent.valid()) {
    // Not NotFound, which says that the content cannot be had.
    return absl::FailedPreconditionError(ErrnoStatus(errno, "open folder " + folder).message());
  }
  struct stat info;
  if (::fstatat(parent.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("write to ", path, ": it exists; remove it or name another with -o"));
  }
  return std::make_unique<PosixPathOutput>(std::move(parent), path, name);
}

}  // namespace l2p
