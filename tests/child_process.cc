#include "tests/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <utility>

namespace l2p {

ChildProcess::ChildProcess(std::vector<std::string> words) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    output_ = "no pipe";
    return;
  }
  output_end_ = ends[0];
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const int failure = posix_spawnp(&process_, argv[0], &actions, nullptr, argv.data(), environ);
  if (failure != 0) {
    process_ = -1;
    output_ = words[0] + ": " + std::strerror(failure);
  }
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
}

ChildProcess::~ChildProcess() {
  Signal(SIGKILL);
  Wait();
  if (output_end_ >= 0) close(output_end_);
}

bool ChildProcess::ReadMore(std::chrono::steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  pollfd entry = {output_end_, POLLIN, 0};
  if (left.count() <= 0 || poll(&entry, 1, static_cast<int>(left.count())) <= 0) return false;
  char part[4096];
  const ssize_t got = read(output_end_, part, sizeof part);
  if (got <= 0) return false;
  output_.append(part, got);
  return true;
}

bool ChildProcess::AwaitOutput(std::string_view text) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (output_.find(text) == std::string::npos) {
    if (!ReadMore(deadline)) return false;
  }
  return true;
}

void ChildProcess::Signal(int signal) {
  if (process_ > 0) kill(process_, signal);
}

int ChildProcess::Wait() {
  if (process_ < 0) return 127;
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (ReadMore(deadline)) {
  }
  if (std::chrono::steady_clock::now() >= deadline) Signal(SIGKILL);
  int state = 0;
  waitpid(std::exchange(process_, -1), &state, 0);
  return WIFSIGNALED(state) ? 128 + WTERMSIG(state) : WEXITSTATUS(state);
}

Finished RunProgram(std::vector<std::string> words) {
  ChildProcess program(std::move(words));
  const int exit_code = program.Wait();
  return {exit_code, program.output()};
}

}  // namespace l2p
