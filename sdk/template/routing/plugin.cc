// What a node knows of this plugin before it runs any of its code. The name is the file's.
#include "l2p/plugin.h"

#include "@name@_router.h"

namespace {

// name, type, default, what is allowed, one line of help: checked by the node before Open runs,
// and set as routing.@name@.most_peers=200.
constexpr l2p::SettingSpec kSettings[] = {
    {"most_peers", l2p::SettingType::kInteger, "1000", "1..100000",
     "peers that are kept on the list"},
};

absl::StatusOr<std::unique_ptr<l2p::Router>> Open(l2p::Host& host, const l2p::Settings& settings) {
  return std::make_unique<@name@::@Name@Router>(host,
                                              static_cast<size_t>(settings.Integer("most_peers")));
}

}  // namespace

L2P_PLUGIN(l2p::Router, "@name@", "0.1.0", kSettings, Open);
