#ifndef L2P_KERNEL_CONTENT_HEALTH_H_
#define L2P_KERNEL_CONTENT_HEALTH_H_

#include <string>
#include <vector>

#include "kernel/content/holdings.h"
#include "kernel/loader/slot.h"
#include "kernel/network/exchange.h"
#include "l2p/crypto.h"
#include "l2p/group_status.h"
#include "l2p/redundancy.h"
#include "l2p/router.h"

namespace l2p {

// How safe an object is: what the holders of its groups say. Works on any node, for any id.
struct Health {
  enum class Verdict { kHealthy, kDegraded, kLost };

  struct GroupHealth {
    Multihash id;
    std::string redundancy;  // As its owner wants it; empty if no holder has a record of it.
    size_t needed = 1;       // K
    size_t wanted = 0;       // N
    size_t live = 0;         // Different pieces, or whole copies, that were found.
    size_t holders = 0;
    size_t networks = 0;  // Different /24 (IPv6: /48) of theirs, as far as addresses are known.
    Time last_audit = absl::InfinitePast();
    GroupStatus::Repair repair = GroupStatus::Repair::kNone;
    Verdict verdict = Verdict::kLost;
    std::string why;  // "7 of 8 pieces"; empty when healthy.

    size_t margin() const { return live > needed ? live - needed : 0; }
  };

  Verdict verdict = Verdict::kHealthy;  // Of the worst group.
  std::vector<GroupHealth> groups;      // Found in the dag, in its order.
};

struct HealthParts {  // All lent for the call.
  Runtime& runtime;
  PluginSlot<Router>& router;
  Messenger& messenger;
  const Crypto& crypto;
  Holdings& holdings;
  Exchange& exchange;
};

// Finds the groups of `root`, by its dag nodes unless this node has put it itself, and asks their
// holders. A part of the dag that nobody has shows as a lost group. ResourceExhausted for a dag of
// too many groups.
absl::StatusOr<Health> CheckHealth(const HealthParts& parts, const Cid& root, Time deadline);

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_HEALTH_H_
