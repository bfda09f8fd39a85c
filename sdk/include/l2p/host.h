#ifndef L2P_HOST_H_
#define L2P_HOST_H_

#include "l2p/crypto.h"
#include "l2p/memory.h"
#include "l2p/metrics.h"
#include "l2p/runtime.h"

namespace l2p {

// The Host is all that a plugin instance sees of its node: time, tasks, chance, disk, state,
// memory, log and metrics, each its own (its folder, its state table, its metric labels). A plugin
// reaches no clock, thread, file or generator but through it; so the same binary runs in the
// simulator.
//
// [any thread]. It outlives the instance.
class L2P_SDK_API Host {
 public:
  virtual ~Host();

  virtual Time Now() = 0;
  virtual std::unique_ptr<Event> NewEvent() = 0;
  virtual Tasks& tasks() = 0;
  virtual void Random(MutableByteView out) = 0;
  virtual void Log(Severity severity, std::string_view text) = 0;

  // The budget for bulk bytes, shared by the whole node.
  virtual Memory& memory() = 0;

  // This instance's own folder and table; made on first use.
  virtual absl::StatusOr<Folder*> folder() = 0;
  virtual absl::StatusOr<State*> state() = 0;

  virtual Metrics& metrics() = 0;

  // The node's key. Not for plugins of kind crypto, which are opened before there is one.
  virtual const Identity& identity() = 0;
  virtual const Crypto& crypto() = 0;

  // An optional ability by its string id, or nullptr (see Runtime::Query).
  virtual void* Query(std::string_view ability) = 0;
};

// A random number below `bound`, without bias. REQUIRES: bound > 0.
L2P_SDK_API uint64_t RandomBelow(Host& host, uint64_t bound);

}  // namespace l2p

#endif  // L2P_HOST_H_
