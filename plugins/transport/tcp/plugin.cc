#include "l2p/plugin.h"

#include "tcp_settings.h"
#include "tcp_transport.h"

L2P_PLUGIN(l2p::Transport, "tcp", "1.0.0", l2p::tcp::kTcpSettings, l2p::tcp::OpenTcpTransport);
