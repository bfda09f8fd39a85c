#include "descriptor.h"

namespace {

constexpr l2p::PluginDescriptor Descriptor() {
  l2p::PluginDescriptor descriptor = l2p::DescriptorOfHasher("newerminor");
  descriptor.sdk_minor = l2p::kSdkMinor + 1;
  return descriptor;
}

}  // namespace

L2P_EXPORT_DESCRIPTOR(Descriptor());
