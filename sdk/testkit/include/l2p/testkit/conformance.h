// What every conformance suite is made of. A suite is a list of named cases, one for each line of
// an interface's contract, so that a gtest program (gtest_conformance.h) and l2p-check-plugin run
// the same ones and report each by name.
#ifndef L2P_TESTKIT_CONFORMANCE_H_
#define L2P_TESTKIT_CONFORMANCE_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "l2p/bytes.h"
#include "l2p/host.h"
#include "l2p/multiaddr.h"
#include "l2p/status.h"

namespace l2p::testkit {

class MemoryDisk;

struct ConformanceCase {
  // What an implementation does that keeps the contract, in CamelCase: "HashesBatchesLikeSingles".
  std::string name;
  // OK, or what was wanted and what was found. Each run starts from nothing. Called from outside
  // any task; it makes the World it needs.
  std::function<absl::Status()> run;
};

// Makes an instance of the implementation under test; the Host is lent and outlives it.
template <typename Kind>
using Factory = std::function<absl::StatusOr<std::unique_ptr<Kind>>(Host&)>;

// Makes the Host of node `i` over `runtime`, which is lent and outlives it. Nodes have distinct
// identities; the same `i` has the same one each time.
using HostFactory = std::function<std::unique_ptr<Host>(Runtime& runtime, size_t i)>;

// A World is where one case runs: simulated, or real for implementations that own sockets or files.
// Destroy what was made on its hosts first. One thread at a time.
class World {
 public:
  virtual ~World() = default;

  // Node number i, from 0: the same Host each time, with a folder, a state and a key of its own.
  virtual Host& host(size_t i) = 0;

  // Runs `work` as a task and returns what it returned.
  virtual absl::Status Run(std::function<absl::Status()> work) = 0;

  // An address that a transport of node i may listen on, its port left open.
  virtual Multiaddr listen_address(size_t i) = 0;

  // The disk below host(i), to cut its power; nullptr in a real World.
  virtual MemoryDisk* disk(size_t i) = 0;

  // Makes host(i) another one over the same disk, as after a restart of the process.
  // REQUIRES: nothing that was made on the old one is left.
  virtual void Restart(size_t i) = 0;

  // An address nobody listens on, at a host that says so.
  virtual Multiaddr refusing_address() = 0;
};
using WorldFactory = std::function<std::unique_ptr<World>()>;

// `size` bytes that look random and are the same for the same seed everywhere.
std::string TestBytes(uint64_t seed, size_t size);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_CONFORMANCE_H_
