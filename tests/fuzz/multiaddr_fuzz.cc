#include "fuzz_check.h"
#include "l2p/multiaddr.h"

namespace {

void Check(const l2p::Multiaddr& address) {
  L2P_FUZZ_CHECK(l2p::Multiaddr::FromBinary(address.binary()).value() == address);
  L2P_FUZZ_CHECK(l2p::Multiaddr::FromString(address.ToString()).value() == address);
  address.scope();
  if (std::optional<l2p::PeerId> peer = address.peer()) {
    L2P_FUZZ_CHECK(address.WithoutPeer().WithPeer(*peer) == address);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  absl::StatusOr<l2p::Multiaddr> binary = l2p::Multiaddr::FromBinary({data, size});
  if (binary.ok()) Check(*binary);
  absl::StatusOr<l2p::Multiaddr> text = l2p::Multiaddr::FromString(l2p::AsText({data, size}));
  if (text.ok()) Check(*text);
  return 0;
}
