#include "l2p/plugin.h"

extern "C"
    __attribute__((visibility("default"))) constinit const l2p::PluginDescriptor l2p_plugin = {
        .magic = l2p::kPluginMagic,
        .size = sizeof(l2p::PluginDescriptor),
        .sdk_major = l2p::kSdkMajor,
        .sdk_minor = l2p::kSdkMinor,
        .toolchain = "another C++ library",
        .kind = "hashing",
        .name = "wrongtoolchain",
        .version = "1.0.0",
        .settings = nullptr,
        .settings_count = 0,
        .open = nullptr,
};
