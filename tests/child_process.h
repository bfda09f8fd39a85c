#ifndef L2P_TESTS_CHILD_PROCESS_H_
#define L2P_TESTS_CHILD_PROCESS_H_

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace l2p {

// A program that a test runs. One thread at a time.
class ChildProcess {
 public:
  static constexpr std::chrono::seconds kPatience{100};

  // Starts words[0], which is looked for in PATH, with the rest as arguments.
  explicit ChildProcess(std::vector<std::string> words);
  // Kills it if it still runs.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  // Waits until output() holds `text`; false when the program ends or kPatience passes before.
  bool AwaitOutput(std::string_view text);

  void Signal(int signal);

  // Waits for the end and returns the exit code, or 128 and the number of the signal that ended it;
  // it is killed after kPatience.
  int Wait();

  // What it has written to stdout and stderr, as far as the calls above have waited for it.
  const std::string& output() const { return output_; }

 private:
  // False at the end of the output and at the deadline.
  bool ReadMore(std::chrono::steady_clock::time_point deadline);

  pid_t process_ = -1;
  int output_end_ = -1;
  std::string output_;
};

struct Finished {
  int exit_code;
  std::string output;
};
Finished RunProgram(std::vector<std::string> words);

}  // namespace l2p

#endif  // L2P_TESTS_CHILD_PROCESS_H_
