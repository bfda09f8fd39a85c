// What a node knows of this plugin before it runs any of its code. The name is the file's.
#include "l2p/plugin.h"

#include "@name@_transport.h"

namespace {

// name, type, default, what is allowed, one line of help: checked by the node before Open runs,
// and set as transport.@name@.listen=/ip4/192.168.1.5/tcp/4424. A node listens on what `listen`
// says when transport.plugin names this one.
constexpr l2p::SettingSpec kSettings[] = {
    {"listen", l2p::SettingType::kList, "/ip4/127.0.0.1/tcp/0", "", "addresses to listen on"},
};

absl::StatusOr<std::unique_ptr<l2p::Transport>> Open(l2p::Host& host, const l2p::Settings&) {
  return std::make_unique<@name@::@Name@Transport>(host);
}

}  // namespace

L2P_PLUGIN(l2p::Transport, "@name@", "0.1.0", kSettings, Open);
