#include "fuzz_check.h"
#include "l2p/cid.h"
#include "l2p/multibase.h"
#include "l2p/peer_id.h"

namespace {

void FuzzBinary(l2p::ByteView input) {
  absl::StatusOr<l2p::Cid> cid = l2p::Cid::FromBinary(input);
  if (!cid.ok()) return;
  L2P_FUZZ_CHECK(cid->ToBinary() == l2p::AsText(input));
  L2P_FUZZ_CHECK(l2p::Cid::FromString(cid->ToString()).value() == *cid);
}

void FuzzText(std::string_view input) {
  if (absl::StatusOr<l2p::Cid> cid = l2p::Cid::FromString(input); cid.ok()) {
    L2P_FUZZ_CHECK(l2p::Cid::FromString(cid->ToString()).value() == *cid);
  }
  if (absl::StatusOr<l2p::PeerId> peer = l2p::PeerId::FromString(input); peer.ok()) {
    L2P_FUZZ_CHECK(l2p::PeerId::FromString(peer->ToString()).value() == *peer);
  }
  if (absl::StatusOr<std::string> bytes = l2p::DecodeMultibase(input); bytes.ok()) {
    L2P_FUZZ_CHECK(l2p::EncodeMultibase(input[0], l2p::AsBytes(*bytes)) == input);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  FuzzBinary({data, size});
  FuzzText(l2p::AsText({data, size}));
  return 0;
}
