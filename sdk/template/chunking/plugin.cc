// What a node knows of this plugin before it runs any of its code. The name is the file's.
#include "l2p/plugin.h"

#include "@name@_chunker.h"

namespace {

// name, type, default, what is allowed, one line of help: checked by the node before Open runs,
// and set as chunking.@name@.least=16KiB.
constexpr l2p::SettingSpec kSettings[] = {
    {"least", l2p::SettingType::kSize, "64KiB", "1KiB..512KiB",
     "a chunk ends with the first line that ends at or after this many bytes"},
};

absl::StatusOr<std::unique_ptr<l2p::Chunker>> Open(l2p::Host&, const l2p::Settings& settings) {
  return std::make_unique<@name@::@Name@Chunker>(static_cast<size_t>(settings.Integer("least")));
}

}  // namespace

L2P_PLUGIN(l2p::Chunker, "@name@", "0.1.0", kSettings, Open);
