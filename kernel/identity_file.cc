#include "kernel/identity_file.h"

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

constexpr char kIdentityFile[] = "identity.key";
constexpr size_t kMaxIdentityBytes = 4096;

}  // namespace

absl::StatusOr<std::unique_ptr<Identity>> OpenOrMakeIdentity(Runtime& runtime,
                                                             const Crypto& crypto) {
  absl::StatusOr<std::string> key = ReadFile(runtime.folder(), kIdentityFile, kMaxIdentityBytes);
  if (absl::IsNotFound(key.status())) {
    uint8_t seed[32];
    runtime.Random(seed);
    key = crypto.NewPrivateKey(seed);
    L2P_RETURN_IF_ERROR(key.status());
    L2P_RETURN_IF_ERROR(WriteFileDurably(runtime.folder(), kIdentityFile, AsBytes(*key)));
  }
  L2P_RETURN_IF_ERROR(key.status());
  absl::StatusOr<std::unique_ptr<Identity>> identity = crypto.OpenIdentity(AsBytes(*key));
  if (!identity.ok()) {
    return WithContext(
        identity.status(),
        absl::StrCat("data.dir/", kIdentityFile, " (remove it to start with a new identity)"));
  }
  return identity;
}

}  // namespace l2p
