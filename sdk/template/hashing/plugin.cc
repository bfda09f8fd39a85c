// What a node knows of this plugin before it runs any of its code. The name is the file's.
#include "l2p/plugin.h"

#include "@name@_hasher.h"

namespace {

absl::StatusOr<std::unique_ptr<l2p::Hasher>> Open(l2p::Host& host, const l2p::Settings&) {
  return std::make_unique<@name@::@Name@Hasher>(host.crypto());
}

}  // namespace

// No settings: what a hash function makes must depend on its input alone.
L2P_PLUGIN(l2p::Hasher, "@name@", "0.1.0", l2p::kNoSettings, Open);
