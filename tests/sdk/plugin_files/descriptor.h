#ifndef L2P_TESTS_SDK_PLUGIN_FILES_DESCRIPTOR_H_
#define L2P_TESTS_SDK_PLUGIN_FILES_DESCRIPTOR_H_

#include "l2p/plugin.h"

namespace l2p {

// What L2P_PLUGIN would make of a hasher called `name`, but for the factory, so that a test plugin
// can be wrong in one field. A node refuses it before it would call that.
constexpr PluginDescriptor DescriptorOfHasher(const char* name) {
  return {
      .magic = kPluginMagic,
      .size = sizeof(PluginDescriptor),
      .sdk_major = kSdkMajor,
      .sdk_minor = kSdkMinor,
      .toolchain = L2P_TOOLCHAIN,
      .kind = "hashing",
      .name = name,
      .version = "1.0.0",
      .settings = nullptr,
      .settings_count = 0,
      .open = nullptr,
  };
}

}  // namespace l2p

#define L2P_EXPORT_DESCRIPTOR(descriptor)                                                       \
  extern "C"                                                                                    \
      __attribute__((visibility("default"))) constinit const l2p::PluginDescriptor l2p_plugin = \
          descriptor

#endif  // L2P_TESTS_SDK_PLUGIN_FILES_DESCRIPTOR_H_
