#include "descriptor.h"

namespace {

constexpr l2p::PluginDescriptor Descriptor() {
  l2p::PluginDescriptor descriptor = l2p::DescriptorOfHasher("wrongmajor");
  descriptor.sdk_major = l2p::kSdkMajor + 1;
  return descriptor;
}

}  // namespace

L2P_EXPORT_DESCRIPTOR(Descriptor());
