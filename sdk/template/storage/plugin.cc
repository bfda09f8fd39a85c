// What a node knows of this plugin before it runs any of its code. The name is the file's.
#include "l2p/plugin.h"

#include "@name@_store.h"

namespace {

// name, type, default, what is allowed, one line of help: checked by the node before Open runs,
// and set as storage.@name@.capacity=2GiB.
constexpr l2p::SettingSpec kSettings[] = {
    {"capacity", l2p::SettingType::kSize, "1GiB", "1MiB..1TiB", "most bytes of blocks kept"},
};

absl::StatusOr<std::unique_ptr<l2p::BlockStore>> Open(l2p::Host&, const l2p::Settings& settings) {
  return std::make_unique<@name@::@Name@Store>(static_cast<uint64_t>(settings.Integer("capacity")));
}

}  // namespace

L2P_PLUGIN(l2p::BlockStore, "@name@", "0.1.0", kSettings, Open);
