#ifndef L2P_KERNEL_CONTENT_PROFILE_H_
#define L2P_KERNEL_CONTENT_PROFILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "l2p/status.h"

namespace l2p {

// A Profile is how files become dags: everything besides the cuts and the hash that a root id
// depends on. Profiles are lines in node.properties:
//   content.profile.<name> = chunker=<name> size=<bytes> links=<n> hamt=<bytes> rule=block|links
struct Profile {
  std::string name;
  std::string chunker;               // Plugin name; empty: chunking.plugin with its own settings.
  std::optional<uint64_t> size;      // The chunker's setting `size`, if given.
  size_t links = 1024;               // Links of a file node.
  uint64_t hamt_threshold = 262144;  // A folder above it is sharded.
  enum class HamtRule { kBlockBytes, kLinkBytes } hamt_rule = HamtRule::kBlockBytes;
};

// Parses the value of content.profile.<name>.
absl::StatusOr<Profile> ParseProfile(std::string_view name, std::string_view text);

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_PROFILE_H_
