#ifndef L2P_RUNTIME_H_
#define L2P_RUNTIME_H_

#include <memory>
#include <string_view>

#include "l2p/bytes.h"
#include "l2p/event.h"
#include "l2p/folder.h"
#include "l2p/state.h"
#include "l2p/tasks.h"

namespace l2p {

enum class Severity { kDebug, kInfo, kWarning, kError };

// A Runtime is the world a node runs in: real (clock, threads, POSIX, SQLite) in l2pkernel,
// simulated (virtual clock, fibers, memory) in the testkit. Every source of chance is behind it.
//
// [any thread]. It outlives the node; its folder and states outlive the Runtime (a restart is a new
// node on the same Runtime, or on a new one over the same disk).
class L2P_SDK_API Runtime {
 public:
  virtual ~Runtime();

  // The clock for everything: never goes back within a process, starts at the wall clock's time.
  virtual Time Now() = 0;

  virtual std::unique_ptr<Event> NewEvent() = 0;

  virtual Tasks& tasks() = 0;

  // Fills `out` with random bytes: the system's generator in a node, seeded in the simulator.
  virtual void Random(MutableByteView out) = 0;

  // `data.dir`.
  virtual Folder& folder() = 0;

  // The table called `name` ("kernel", "routing/<plugin>"), made if missing. The same object for
  // the same name, owned by the Runtime.
  virtual absl::StatusOr<State*> OpenState(std::string_view name) = 0;

  // One line for the log. `source` names the part: "kernel", "routing.<plugin>".
  virtual void Log(Severity severity, std::string_view source, std::string_view text) = 0;

  // An optional ability by its string id, or nullptr. Known: l2p::Listeners::kAbility (real only),
  // and the simulated network's.
  virtual void* Query(std::string_view ability) = 0;
};

// A random number below `bound`, without bias. REQUIRES: bound > 0.
L2P_SDK_API uint64_t RandomBelow(Runtime& runtime, uint64_t bound);

}  // namespace l2p

#endif  // L2P_RUNTIME_H_
