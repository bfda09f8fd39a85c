#ifndef L2P_TESTS_SWARM_NODE_PROCESS_H_
#define L2P_TESTS_SWARM_NODE_PROCESS_H_

#include <sys/types.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/child_process.h"
#include "tests/temp_folder.h"

namespace l2p {

// Bytes that do not compress and repeat nowhere; the same for the same seed.
std::string SeededBytes(size_t size, uint64_t seed);

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
