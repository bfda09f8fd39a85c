#include "kernel/runtime/posix_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "kernel/runtime/write_at.h"

namespace l2p {
namespace {

// What is written in such pieces are blocks on their way in: rarely read soon, and in the page
// cache only in the way of what this machine works with. Below, a page that is dropped half filled
// would be read again by the next write.
constexpr size_t kDropFrom = 256 << 10;

// Calls `call` again while a signal interrupts it.
template <typename Call>
auto Retry(Call call) {
  decltype(call()) result;
  do {
    result = call();
  } while (result < 0 && errno == EINTR);
  return result;
}

absl::Status CheckName(std::string_view name) {
  if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos ||
      name.find('\0') != name.npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", av(name), "\" is not the name of a file in a folder"));
  }
  return absl::OkStatus();
}

class PosixFile : public File {
 public:
  PosixFile(int fd, std::string path) : fd_(fd), path_(std::move(path)) {}
  ~PosixFile() override { close(fd_); }

  absl::StatusOr<size_t> Read(uint64_t offset, MutableByteView into) const override {
    size_t done = 0;
    while (done < into.size()) {
      const ssize_t n = Retry([&] {
        return pread(fd_, into.data() + done, into.size() - done,
                     static_cast<off_t>(offset + done));
      });
      if (n < 0) return Failed("read");
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    return done;
  }

  absl::Status Write(uint64_t offset, std::span<const ByteView> parts) override {
    size_t bytes = 0;
    for (const ByteView part : parts) bytes += part.size();
    const PageCache cache = bytes < kDropFrom ? PageCache::kKeep : PageCache::kDrop;
    return WriteAt(fd_, offset, parts, cache) ? absl::OkStatus() : Failed("write");
  }

  absl::Status Sync() override {
    return Retry([&] { return fdatasync(fd_); }) < 0 ? Failed("sync") : absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() const override {
    struct stat info;
    if (fstat(fd_, &info) < 0) return Failed("stat");
    return static_cast<uint64_t>(info.st_size);
  }

  absl::Status Resize(uint64_t size) override {
    return Retry([&] { return ftruncate(fd_, static_cast<off_t>(size)); }) < 0 ? Failed("resize")
                                                                               : absl::OkStatus();
  }

 private:
  absl::Status Failed(const char* what) const {
    return ErrnoStatus(errno, absl::StrCat(what, " ", path_));
  }

  const int fd_;
  const std::string path_;
};

int FlagsOf(Folder::Mode mode) {
  switch (mode) {
    case Folder::Mode::kRead:
      return O_RDONLY;
    case Folder::Mode::kWrite:
      return O_RDWR;
    case Folder::Mode::kCreate:
      return O_RDWR | O_CREAT;
    case Folder::Mode::kNew:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

}  // namespace

absl::StatusOr<std::unique_ptr<PosixFolder>> PosixFolder::OpenPath(const std::string& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (!error) std::filesystem::create_directories(absolute.parent_path(), error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("make folder ", path));
  if (mkdir(path.c_str(), 0700) < 0 && errno != EEXIST) {
    return ErrnoStatus(errno, absl::StrCat("make folder ", path));
  }
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("open folder ", path));
  return std::unique_ptr<PosixFolder>(new PosixFolder(fd, path));
}

PosixFolder::~PosixFolder() { close(fd_); }

absl::StatusOr<std::unique_ptr<File>> PosixFolder::Open(std::string_view name, Mode mode) {
  L2P_RETURN_IF_ERROR(CheckName(name));
  const std::string path = absl::StrCat(path_, "/", av(name));
  const std::string text(name);
  const int fd = Retry([&] { return openat(fd_, text.c_str(), FlagsOf(mode) | O_CLOEXEC, 0600); });
  if (fd < 0 && errno == EEXIST) {
    return absl::AlreadyExistsError(absl::StrCat("create ", path, ": file exists"));
  }
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("open ", path));
  return std::make_unique<PosixFile>(fd, path);
}

absl::StatusOr<std::unique_ptr<Folder>> PosixFolder::OpenFolder(std::string_view name) {
  L2P_RETURN_IF_ERROR(CheckName(name));
  if (mkdirat(fd_, std::string(name).c_str(), 0700) < 0 && errno != EEXIST) {
    return ErrnoStatus(errno, absl::StrCat("make folder ", path_, "/", av(name)));
  }
  return OpenChild(name, 0);
}

absl::StatusOr<std::unique_ptr<PosixFolder>> PosixFolder::OpenChild(std::string_view name,
                                                                    int flags) {
  const std::string path = absl::StrCat(path_, "/", av(name));
  const int fd = openat(fd_, std::string(name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("open folder ", path));
  return std::unique_ptr<PosixFolder>(new PosixFolder(fd, path));
}

absl::StatusOr<std::vector<std::string>> PosixFolder::List() {
  // A descriptor of its own: readdir moves the position.
  const int fd = openat(fd_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("list ", path_));
  DIR* const stream = fdopendir(fd);
  if (stream == nullptr) {
    close(fd);
    return ErrnoStatus(ENOMEM, absl::StrCat("list ", path_));
  }
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(stream)) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  const int error = errno;
  closedir(stream);
  if (error != 0) return ErrnoStatus(error, absl::StrCat("list ", path_));
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status PosixFolder::Rename(std::string_view from, std::string_view to) {
  L2P_RETURN_IF_ERROR(CheckName(from));
  L2P_RETURN_IF_ERROR(CheckName(to));
  if (renameat(fd_, std::string(from).c_str(), fd_, std::string(to).c_str()) == 0) {
    return absl::OkStatus();
  }
  return ErrnoStatus(errno, absl::StrCat("rename ", path_, "/", av(from), " to ", av(to)));
}

absl::Status PosixFolder::Remove(std::string_view name) {
  L2P_RETURN_IF_ERROR(CheckName(name));
  const std::string text(name);
  if (unlinkat(fd_, text.c_str(), 0) == 0) return absl::OkStatus();
  const std::string what = absl::StrCat("remove ", path_, "/", text);
  if (errno != EISDIR) return ErrnoStatus(errno, what);
  L2P_ASSIGN_OR_RETURN(const auto inner, OpenChild(name, O_NOFOLLOW));
  L2P_ASSIGN_OR_RETURN(const std::vector<std::string> names, inner->List());
  for (const std::string& each : names) L2P_RETURN_IF_ERROR(inner->Remove(each));
  if (unlinkat(fd_, text.c_str(), AT_REMOVEDIR) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, what);
}

absl::Status PosixFolder::Sync() {
  if (Retry([&] { return fsync(fd_); }) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("sync ", path_));
}

absl::StatusOr<Folder::Space> PosixFolder::Free() {
  struct statvfs info;
  if (fstatvfs(fd_, &info) < 0) return ErrnoStatus(errno, absl::StrCat("free space of ", path_));
  return Space{.free = uint64_t{info.f_bavail} * info.f_frsize,
               .total = uint64_t{info.f_blocks} * info.f_frsize};
}

}  // namespace l2p
