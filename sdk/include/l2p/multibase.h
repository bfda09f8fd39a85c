// Multibase: text forms of bytes, the first character naming the alphabet
// (https://github.com/multiformats/multibase). Known: b B z k K f F m M u U.
#ifndef L2P_MULTIBASE_H_
#define L2P_MULTIBASE_H_

#include <string>
#include <string_view>

#include "l2p/bytes.h"
#include "l2p/status.h"

namespace l2p {

// Text with prefix `base`. REQUIRES: `base` is one of the known characters.
L2P_SDK_API std::string EncodeMultibase(char base, ByteView bytes);

// InvalidArgument on an unknown prefix, a character outside the alphabet, an impossible length, or
// leftover bits that are not zero.
L2P_SDK_API absl::StatusOr<std::string> DecodeMultibase(std::string_view text);

// base58btc without a prefix, as in CIDv0 and peer ids. REQUIRES of Decode: at most 512 characters,
// else InvalidArgument (the cost is quadratic).
L2P_SDK_API std::string EncodeBase58(ByteView bytes);
L2P_SDK_API absl::StatusOr<std::string> DecodeBase58(std::string_view text);

}  // namespace l2p

#endif  // L2P_MULTIBASE_H_
