#ifndef L2P_KERNEL_IDENTITY_FILE_H_
#define L2P_KERNEL_IDENTITY_FILE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "l2p/crypto.h"
#include "l2p/runtime.h"

namespace l2p {

// The node's key from data.dir/identity.key, made and made durable on the first start. A file that
// is no key is an error that says how to go on; it is never overwritten.
absl::StatusOr<std::unique_ptr<Identity>> OpenOrMakeIdentity(Runtime& runtime,
                                                             const Crypto& crypto);

}  // namespace l2p

#endif  // L2P_KERNEL_IDENTITY_FILE_H_
