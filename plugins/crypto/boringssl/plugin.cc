#include "l2p/plugin.h"

#include "boringssl_crypto.h"

L2P_PLUGIN(l2p::Crypto, "boringssl", "1.0.0", l2p::kNoSettings, l2p::OpenBoringsslCrypto);
