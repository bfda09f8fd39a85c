#ifndef L2P_KERNEL_QUOTA_H_
#define L2P_KERNEL_QUOTA_H_

#include <cstdint>

#include "l2p/runtime.h"
#include "l2p/settings.h"

namespace l2p {

// storage.quota, or a tenth of the free disk as it was at the first start, which `state` keeps.
absl::StatusOr<uint64_t> StorageQuota(Runtime& runtime, const Settings& settings, State& state);

}  // namespace l2p

#endif  // L2P_KERNEL_QUOTA_H_
