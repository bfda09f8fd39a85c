#include "tests/child_process.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/temp_folder.h"

extern char** environ;

namespace l2p {
namespace {

int ExitCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::vector<char*> Pointers(Words& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

bool Replace(int descriptor, const std::string& path, int flags) {
  const int file = ::open(path.c_str(), flags, 0600);
  return file >= 0 && ::dup2(file, descriptor) == descriptor;
}

// The child's part of a start; the test may have threads, so nothing here may lock or allocate.
[[noreturn]] void BecomeProgram(const ChildProcess::Options& options, char* const* argv,
                                char* const* envp, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  constexpr int kWrite = O_WRONLY | O_CREAT | O_APPEND;
  if (::getppid() == parent && Replace(0, options.in, O_RDONLY) &&
      Replace(1, options.out, kWrite) && Replace(2, options.err, kWrite)) {
    ::execvpe(argv[0], argv, envp);
  }
  ::_exit(127);
}

Words Environment(const std::map<std::string, std::string>& more) {
  Words environment;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    // What the user has set for his own node is not for the tests'.
    if (!absl::StartsWith(*variable, "L2P_")) environment.emplace_back(*variable);
  }
  for (const auto& [name, value] : more) environment.push_back(absl::StrCat(name, "=", value));
  return environment;
}

}  // namespace

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary);
  out << text;
  out.close();
  EXPECT_TRUE(out.good()) << path;
}

Pipe::Pipe() {
  ::signal(SIGPIPE, SIG_IGN);  // A reader may go first.
  EXPECT_EQ(::pipe2(ends_, O_CLOEXEC), 0);
}

Pipe::~Pipe() {
  Close();
  ::close(ends_[0]);
}

std::string Pipe::reading_end() const { return absl::StrCat("/proc/self/fd/", ends_[0]); }

std::string Pipe::writing_end() const { return absl::StrCat("/proc/self/fd/", ends_[1]); }

std::string Pipe::ReadLine(absl::Duration limit) {
  const absl::Time deadline = absl::Now() + limit;
  std::string line;
  while (!absl::EndsWith(line, "\n")) {
    const int64_t left = absl::ToInt64Milliseconds(deadline - absl::Now());
    pollfd readable{.fd = ends_[0], .events = POLLIN, .revents = 0};
    if (left <= 0 || ::poll(&readable, 1, static_cast<int>(left)) != 1) return line;
    char part[1024];
    const ssize_t got = ::read(ends_[0], part, sizeof part);
    if (got <= 0) return line;
    line.append(part, static_cast<size_t>(got));
  }
  return line;
}

void Pipe::Write(const std::string& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t written = ::write(ends_[1], bytes.data() + at, bytes.size() - at);
    if (written <= 0) return;
    at += static_cast<size_t>(written);
  }
}

void Pipe::Close() {
  if (ends_[1] >= 0) ::close(ends_[1]);
  ends_[1] = -1;
}

ChildProcess::ChildProcess(const Options& options) {
  Words words = options.words;
  Words environment = Environment(options.environment);
  const std::vector<char*> argv = Pointers(words);
  const std::vector<char*> envp = Pointers(environment);
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) BecomeProgram(options, argv.data(), envp.data(), parent);
  EXPECT_GT(pid_, 0) << words[0];
  if (pid_ < 0) {
    ended_ = 127;
    return;
  }
  ::setpgid(pid_, pid_);  // As the child does: whoever comes first.
  pidfd_ = static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0));
  EXPECT_GE(pidfd_, 0);
}

ChildProcess::~ChildProcess() {
  if (!ended_) {
    ::kill(-pid_, SIGKILL);
    Wait(absl::Seconds(10));
  }
  if (pidfd_ >= 0) ::close(pidfd_);
}

void ChildProcess::Signal(int signal) {
  if (!ended_) ::kill(pid_, signal);
}

std::optional<int> ChildProcess::Wait(absl::Duration limit) {
  if (ended_) return ended_;
  pollfd end{.fd = pidfd_, .events = POLLIN, .revents = 0};
  if (::poll(&end, 1, static_cast<int>(absl::ToInt64Milliseconds(limit))) != 1) return std::nullopt;
  int status = 0;
  if (::waitpid(pid_, &status, 0) == pid_) ended_ = ExitCode(status);
  return ended_;
}

Finished RunProgram(const Words& words, const std::string& in,
                    const std::map<std::string, std::string>& environment, absl::Duration limit) {
  const TempFolder folder;
  WriteFile(folder / "in", in);
  const absl::Time begun = absl::Now();
  Finished finished;
  {
    ChildProcess child({.words = words,
                        .environment = environment,
                        .in = folder / "in",
                        .out = folder / "out",
                        .err = folder / "err"});
    finished.exit_code = child.Wait(limit).value_or(-1);
  }
  finished.took = absl::Now() - begun;
  finished.out = ReadFile(folder / "out");
  finished.err = ReadFile(folder / "err");
  return finished;
}

}  // namespace l2p
