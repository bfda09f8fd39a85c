#ifndef L2P_KERNEL_NETWORK_PUSH_SENDER_H_
#define L2P_KERNEL_NETWORK_PUSH_SENDER_H_

#include <functional>
#include <string>

#include "kernel/network/push_turns.h"
#include "l2p/runtime.h"
#include "l2p/service.h"

namespace l2p {

// Pushes `group`, whose blocks `read` gives, to one holder by /l2p/push/1.0.0, when its turn has
// come. Returns the holder's receipt, not yet looked at, when it has promised to keep all of it and
// has announced it (or failed to in time; the promise stands). Otherwise the reason:
// ResourceExhausted or FailedPrecondition with the holder's own words, Unavailable,
// DeadlineExceeded when it was silent for too long. `on_stored` hears of the bytes that are on the
// holder's disk, ascending. Waits; called by a task of its own. `record` is kept with the group, at
// most kMaxRecordBytes.
absl::StatusOr<std::string> PushGroup(Runtime& runtime, PushTurns& turns, const BlockReader& read,
                                      Messenger& messenger, const PeerInfo& holder,
                                      const Group& group, std::string_view record, Time until,
                                      const std::function<void(uint64_t bytes)>& on_stored);

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_PUSH_SENDER_H_
