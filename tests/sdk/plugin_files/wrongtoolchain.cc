#include "descriptor.h"

namespace {

constexpr l2p::PluginDescriptor Descriptor() {
  l2p::PluginDescriptor descriptor = l2p::DescriptorOfHasher("wrongtoolchain");
  descriptor.toolchain = "another C++ library";
  return descriptor;
}

}  // namespace

L2P_EXPORT_DESCRIPTOR(Descriptor());
