#include "kernel/runtime/real_runtime.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace l2p {
namespace {

// Takes data.dir/lock until the descriptor is closed, and writes our process id in it.
absl::StatusOr<int> LockFolder(const PosixFolder& folder) {
  const std::string what = absl::StrCat("lock ", folder.path());
  const int fd = openat(folder.fd(), "lock", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return ErrnoStatus(errno, what);
  if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
    const int error = errno;
    char owner[32];
    const ssize_t size = pread(fd, owner, sizeof owner, 0);
    close(fd);
    if (error != EWOULDBLOCK) return ErrnoStatus(error, what);
    const absl::string_view process(owner, size > 0 ? static_cast<size_t>(size) : 0);
    return absl::FailedPreconditionError(absl::StrCat(
        "data.dir ", folder.path(), " is in use by process ", absl::StripAsciiWhitespace(process)));
  }
  const std::string own = absl::StrCat(getpid(), "\n");
  if (ftruncate(fd, 0) < 0 || pwrite(fd, own.data(), own.size(), 0) < 0) {
    const int error = errno;
    close(fd);
    return ErrnoStatus(error, what);
  }
  return fd;
}

const char* NameOf(Severity severity) {
  switch (severity) {
    case Severity::kDebug:
      return "debug";
    case Severity::kInfo:
      return "info";
    case Severity::kWarning:
      return "warning";
    case Severity::kError:
      return "error";
  }
  return "error";
}

// A peer's text may hold line ends and terminal commands.
void AppendPrintable(std::string_view text, std::string& line) {
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte == 0x7f) {
      absl::StrAppend(&line, "\\x", absl::Hex(byte, absl::kZeroPad2));
    } else {
      line += c;
    }
  }
}

}  // namespace

RealRuntime::RealRuntime(const Options& options, std::unique_ptr<PosixFolder> folder, int lock)
    : log_level_(options.log_level),
      folder_(std::move(folder)),
      lock_(lock),
      tasks_(clock_, options.max_tasks) {}

RealRuntime::~RealRuntime() { close(lock_); }

absl::StatusOr<std::unique_ptr<RealRuntime>> RealRuntime::Open(const Options& options) {
  L2P_ASSIGN_OR_RETURN(std::unique_ptr<PosixFolder> folder,
                       PosixFolder::OpenPath(options.data_dir));
  L2P_ASSIGN_OR_RETURN(const int lock, LockFolder(*folder));
  std::unique_ptr<RealRuntime> runtime(new RealRuntime(options, std::move(folder), lock));
  // Made here, as SQLite would let others read it; its log takes over the mode.
  L2P_RETURN_IF_ERROR(runtime->folder_->Open("state.db", Folder::Mode::kCreate).status());
  L2P_ASSIGN_OR_RETURN(runtime->state_, StateFile::Open(runtime->path() + "/state.db"));
  L2P_RETURN_IF_ERROR(runtime->folder_->Sync());
  return runtime;
}

void RealRuntime::Random(MutableByteView out) {
  while (!out.empty()) {
    const ssize_t n = getrandom(out.data(), out.size(), 0);
    if (n < 0 && errno != EINTR) std::abort();  // Going on without chance would be unsafe.
    if (n > 0) out = out.subspan(static_cast<size_t>(n));
  }
}

void RealRuntime::Log(Severity severity, std::string_view source, std::string_view text) {
  if (severity < log_level_) return;
  std::string line =
      absl::StrCat(absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", Now(), absl::UTCTimeZone()), " ",
                   NameOf(severity), " ", av(source), ": ");
  AppendPrintable(text, line);
  line += '\n';
  // One write, so that lines of several threads do not mix; there is nowhere to report its failure.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

void* RealRuntime::Query(std::string_view ability) {
  if (ability == Listeners::kAbility) return static_cast<Listeners*>(&listeners_);
  if (ability == FolderPath::kAbility) return static_cast<FolderPath*>(this);
  return nullptr;
}

}  // namespace l2p
