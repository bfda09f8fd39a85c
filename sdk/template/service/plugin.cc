// What a node knows of this plugin before it runs any of its code. The name is the file's.
#include "l2p/plugin.h"

#include "@name@_service.h"

namespace {

// name, type, default, what is allowed, one line of help: checked by the node before Open runs,
// and set as service.@name@.interval=10m.
constexpr l2p::SettingSpec kSettings[] = {
    {"interval", l2p::SettingType::kDuration, "5m", "1s..1d",
     "how often the connected peers are asked"},
};

absl::StatusOr<std::unique_ptr<l2p::Service>> Open(l2p::Host& host,
                                                   const l2p::Settings& settings) {
  return std::make_unique<@name@::@Name@Service>(host, settings.GetDuration("interval"));
}

}  // namespace

L2P_PLUGIN(l2p::Service, "@name@", "0.1.0", kSettings, Open);
