#ifndef L2P_KERNEL_NETWORK_PLACEMENT_H_
#define L2P_KERNEL_NETWORK_PLACEMENT_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernel/content/block_service.h"
#include "kernel/content/group.h"
#include "kernel/content/holdings.h"
#include "kernel/loader/slot.h"
#include "l2p/memory.h"
#include "l2p/router.h"

namespace l2p {

// How redundantly an object is stored: copies:N (coding comes with rs:K/N).
struct Redundancy {
  size_t copies = 3;

  static absl::StatusOr<Redundancy> Parse(std::string_view text);
  std::string ToString() const;
};

// Placement stores groups on other nodes (/l2p/push/1.0.0; docs/protocol.md) and keeps for others
// what they push here: durable acknowledgements, quotas, retries of missing copies.
//
// [any thread] between Start and Stop.
class Placement {
 public:
  struct Options {
    size_t candidates = 40;                   // placement.candidates
    Duration first_peer = absl::Seconds(10);  // How long a put waits for the first bootstrap.
    size_t groups_at_once = 2;
  };

  // How far one put has come. Bytes are of blocks, each counted once per copy.
  struct Progress {
    uint64_t acknowledged_bytes = 0;
    uint64_t wanted_bytes = 0;  // So far known: grows while groups are still being cut.
    size_t peers = 0;           // Holders with an acknowledgement.
    size_t groups = 0;
    size_t groups_complete = 0;  // With all copies asked for.
    size_t fewest_copies = 0;    // Of any group that was pushed.
  };

  Placement(Runtime& runtime, Memory& memory, BlockService& blocks, Holdings& holdings,
            PluginSlot<Router>& router, Messenger& messenger, Options options);
  ~Placement();

  absl::Status Start();
  void Stop();

  // One put's pushes. Add hands a complete group over and waits only while too many are under way;
  // Finish waits for all acknowledgements that can be had. One task at a time; progress() from
  // [any thread]. Destroying it abandons what is not acknowledged.
  class Push {
   public:
    virtual ~Push() = default;
    virtual absl::Status Add(Group group) = 0;

    struct Outcome {
      size_t copies_wanted = 0;
      size_t fewest_copies = 0;           // Copies of the group that has least.
      size_t holders = 0;                 // Distinct holders of all groups.
      std::vector<std::string> refusals;  // "12D3...: storage.quota is used up", at most 8.
    };
    virtual absl::StatusOr<Outcome> Finish() = 0;
    virtual Progress progress() const = 0;
  };
  std::unique_ptr<Push> NewPush(const Redundancy& redundancy);

 private:
  class Receiver;
  Runtime& runtime_;
  Memory& memory_;
  BlockService& blocks_;
  Holdings& holdings_;
  PluginSlot<Router>& router_;
  Messenger& messenger_;
  const Options options_;
  std::unique_ptr<Receiver> receiver_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_PLACEMENT_H_
