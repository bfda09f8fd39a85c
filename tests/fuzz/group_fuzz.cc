// What peers say of groups: records, receipts, sidecars, states.
#include "fuzz_check.h"
#include "l2p/group_record.h"
#include "l2p/group_status.h"
#include "l2p/sidecar.h"

namespace {

// Takes any signature for right, so that what is behind it is reached.
class CredulousCrypto final : public l2p::Crypto {
 public:
  l2p::Sha256Digest Sha256(std::span<const l2p::ByteView>) const override { return {}; }
  void Random(l2p::MutableByteView) const override {}
  absl::StatusOr<std::string> NewPrivateKey(l2p::ByteView) const override {
    return absl::UnimplementedError("there are no keys");
  }
  absl::StatusOr<std::unique_ptr<l2p::Identity>> OpenIdentity(l2p::ByteView) const override {
    return absl::UnimplementedError("there are no keys");
  }
  absl::Status Verify(l2p::ByteView, l2p::ByteView, l2p::ByteView) const override {
    return absl::OkStatus();
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const CredulousCrypto crypto;
  const l2p::ByteView input(data, size);
  if (const auto record = l2p::OpenGroupRecord(crypto, input); record.ok()) {
    L2P_FUZZ_CHECK(record->holders.size() <= l2p::Redundancy::kMaxHolders);
    L2P_FUZZ_CHECK(record->ForGroup().holders >= record->ForGroup().needed);
  }
  l2p::OpenReceipt(crypto, input).status().IgnoreError();
  if (const auto sidecar = l2p::Sidecar::Parse(input); sidecar.ok()) {
    L2P_FUZZ_CHECK(sidecar->Encode() == l2p::AsText(input));
    for (size_t place = 0; place < sidecar->pieces(); ++place) sidecar->ShareOf(place);
  }
  if (const auto status = l2p::ParseGroupStatus(input); status.ok()) {
    const std::string again = l2p::EncodeGroupStatus(*status);
    const auto reread = l2p::ParseGroupStatus(l2p::AsBytes(again));
    L2P_FUZZ_CHECK(reread.ok() && l2p::EncodeGroupStatus(*reread) == again);
  }
  return 0;
}
