// What every conformance suite is made of. A suite is a list of named cases, one for each line of
// an interface's contract, so that a gtest program (gtest_conformance.h) and l2p-check-plugin run
// the same ones and report each by name.
#ifndef L2P_TESTKIT_CONFORMANCE_H_
#define L2P_TESTKIT_CONFORMANCE_H_

#include <functional>
#include <string>
#include <vector>

#include "l2p/bytes.h"
#include "l2p/host.h"
#include "l2p/status.h"

namespace l2p::testkit {

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

// A World is where one case runs: simulated, or real for implementations that own sockets or files.
// Destroy what was made on its hosts first. One thread at a time.
class World {
 public:
  virtual ~World() = default;

  // A node of its own: host number i, i from 0. The same object each time; its folder, state and
  // key stay the same for the World's life.
  virtual Host& host(size_t i) = 0;

  // Runs `work` as a task and returns what it returned.
  virtual absl::Status Run(std::function<absl::Status()> work) = 0;

  // An address a transport may listen on, port or number left open.
  virtual std::string listen_address(size_t i) = 0;
};
using WorldFactory = std::function<std::unique_ptr<World>()>;

// `size` bytes that look random and are the same for the same seed everywhere.
std::string TestBytes(uint64_t seed, size_t size);

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_CONFORMANCE_H_
