#ifndef L2P_PLUGINS_TRANSPORT_TCP_TCP_SETTINGS_H_
#define L2P_PLUGINS_TRANSPORT_TCP_TCP_SETTINGS_H_

#include "l2p/settings.h"

namespace l2p::tcp {

inline constexpr SettingSpec kTcpSettings[] = {
    {"listen", SettingType::kList, "/ip4/0.0.0.0/tcp/4422", "",
     "addresses to listen on; port 0 takes any free one"},
    {"io_threads", SettingType::kInteger, "2", "1..8", "threads that serve the sockets"},
    {"handshake_timeout", SettingType::kDuration, "10s", "100ms..1m",
     "how long a connection, or a stream that agrees on its protocol, may take to stand"},
    {"max_handshakes", SettingType::kInteger, "256", "1..65536",
     "inbound connections that may shake hands at once; further ones are closed"},
    {"max_streams", SettingType::kInteger, "1000", "16..65536",
     "streams that either side may have open on one connection"},
    {"window_max", SettingType::kSize, "16MiB", "256KiB..64MiB",
     "bytes that may be on their way to a slow reader of one stream"},
    {"keepalive", SettingType::kDuration, "30s", "100ms..1h",
     "how often a connection is probed; one that says nothing for so long again is closed"},
};

}  // namespace l2p::tcp

#endif  // L2P_PLUGINS_TRANSPORT_TCP_TCP_SETTINGS_H_
