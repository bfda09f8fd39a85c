#ifndef L2P_TESTS_CHILD_PROCESS_H_
#define L2P_TESTS_CHILD_PROCESS_H_

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace l2p {

using Words = std::vector<std::string>;

std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, const std::string& text);

// A Pipe feeds a child for as long as a test wants, or brings what it says.
class Pipe {
 public:
  Pipe();
  ~Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;

  std::string reading_end() const;  // For ChildProcess::Options::in.
  void Write(const std::string& bytes);

  std::string writing_end() const;  // For ChildProcess::Options::out.
  // What the child has written up to the end of its first line. Close our writing end before: then
  // a child that ends ends the wait.
  std::string ReadLine(absl::Duration limit);

  void Close();  // The writing end.

 private:
  int ends_[2] = {-1, -1};
};

// A ChildProcess is one program in a process group of its own, which is killed with this. The
// program dies with the thread that started it, too, so that a test that is killed leaves nothing
// behind.
class ChildProcess {
 public:
  struct Options {
    Words words;                                     // The program first.
    std::map<std::string, std::string> environment;  // On top of ours.
    std::string in = "/dev/null";
    std::string out = "/dev/null";
    std::string err = "/dev/null";
  };
  explicit ChildProcess(const Options& options);  // Fails the test if it cannot be started.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int signal);

  // The exit code, or 128 and the signal that ended it; nullopt if it runs on after `limit`.
  std::optional<int> Wait(absl::Duration limit);

 private:
  pid_t pid_ = -1;
  int pidfd_ = -1;
  std::optional<int> ended_;
};

// What a program that has ended leaves.
struct Finished {
  int exit_code = -1;  // -1: it did not end in time, and was killed.
  std::string out;
  std::string err;
  absl::Duration took;

  std::string output() const { return out + err; }  // For what is only looked into.
};

// Runs `words`; `in` is its stdin.
Finished RunProgram(const Words& words, const std::string& in = "",
                    const std::map<std::string, std::string>& environment = {},
                    absl::Duration limit = absl::Seconds(60));

}  // namespace l2p

#endif  // L2P_TESTS_CHILD_PROCESS_H_
