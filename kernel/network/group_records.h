#ifndef L2P_KERNEL_NETWORK_GROUP_RECORDS_H_
#define L2P_KERNEL_NETWORK_GROUP_RECORDS_H_

#include <memory>
#include <vector>

#include "kernel/content/holdings.h"
#include "l2p/group_record.h"
#include "l2p/messenger.h"

namespace l2p {

inline constexpr char kGroupsProtocol[] = "/l2p/groups/1.0.0";
inline constexpr size_t kMaxRecordsOfGroup = 4;  // By as many owners.

// Gives the records that are kept with a group to whoever asks (docs/protocol.md). `holdings` is
// lent until the Registration ends.
absl::StatusOr<std::unique_ptr<Registration>> ServeGroupRecords(Messenger& messenger,
                                                                Holdings& holdings);

// Asks one holder for its records of `group`; those that are not right are left out.
absl::StatusOr<std::vector<GroupRecord>> AskGroupRecords(Messenger& messenger, const Crypto& crypto,
                                                         const PeerInfo& holder,
                                                         const Multihash& group, Time deadline);

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_GROUP_RECORDS_H_
