#ifndef L2P_TESTS_SWARM_NODE_PROCESS_H_
#define L2P_TESTS_SWARM_NODE_PROCESS_H_

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace l2p {

using Words = std::vector<std::string>;

// A folder that goes away with this.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

std::string ReadFile(const std::string& path);
void WriteFile(const std::string& path, const std::string& text);

// Bytes that do not compress and repeat nowhere; the same for the same seed.
std::string SeededBytes(size_t size, uint64_t seed);

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
};

// Runs `words`; `in` is its stdin.
Finished RunProgram(const Words& words, const std::string& in = "",
                    const std::map<std::string, std::string>& environment = {},
                    absl::Duration limit = absl::Seconds(60));

// The built l2p without --api.
Finished RunL2p(const Words& words, const std::map<std::string, std::string>& environment = {});

// The text of the string or number `name` in the JSON object `json`; "" when there is none.
std::string JsonField(const std::string& json, const std::string& name);

// A NodeProcess is one l2pkernel with config/swarm/node.properties and a data.dir, which stays when
// the process is started again.
class NodeProcess {
 public:
  // `settings`: "key=value", over those of the file.
  explicit NodeProcess(Words settings = {});

  // Starts it and waits for the ready line: false, with a failed test, if there is none.
  bool Start();

  // The two halves of Start, for many that start at once.
  void Launch();
  bool AwaitReady();

  // Starts what must not become ready, and returns how it ended.
  Finished StartInVain();

  // Runs `l2p` on this node: its socket as --api comes first.
  Finished L2p(const Words& words, const std::string& in = "");

  // Starts `l2p` on this node and does not wait for it; what it prints goes to the file `out`.
  std::unique_ptr<ChildProcess> BeginL2p(const Words& words, const std::string& in = "/dev/null",
                                         const std::string& out = "/dev/null") const;

  // The id that a put of `path` printed; fails the test if it did not succeed.
  std::string Put(const std::string& path, const Words& options = {});

  void Signal(int signal) { child_->Signal(signal); }
  std::optional<int> Wait(absl::Duration limit = absl::Seconds(15)) { return child_->Wait(limit); }
  void Kill();  // SIGKILL, and waits until it has ended.

  // Waits until `count` peers are connected.
  bool AwaitPeers(size_t count);
  // The number `name` of `l2p status --json`.
  uint64_t Status(const std::string& name);
  // Waits until that is at most `most`.
  bool AwaitStatus(const std::string& name, uint64_t most);
  // Waits until the log holds `text`.
  bool AwaitLog(const std::string& text);

  pid_t pid() const { return child_->pid(); }
  std::string data_dir() const { return folder_ / "data"; }
  std::string log() const { return ReadFile(folder_ / "log"); }
  const std::string& peer() const { return peer_; }
  const std::string& address() const { return address_; }  // With /p2p.
  const std::string& socket() const { return socket_; }
  const std::string& url() const { return url_; }
  std::string token() const;

 private:
  ChildProcess::Options Command(const std::string& out) const;

  TempFolder folder_;
  const Words settings_;
  std::unique_ptr<ChildProcess> child_;
  std::unique_ptr<Pipe> ready_;  // Where its ready line comes.
  std::string peer_;
  std::string address_;
  std::string socket_;
  std::string url_;
};

// `count` nodes that know each other: the first `entries` are the bootstrap of the others.
std::vector<std::unique_ptr<NodeProcess>> StartSwarm(size_t count, const Words& settings = {},
                                                     size_t entries = 1);

}  // namespace l2p

#endif  // L2P_TESTS_SWARM_NODE_PROCESS_H_
