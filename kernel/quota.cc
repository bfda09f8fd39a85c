#include "kernel/quota.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

constexpr char kQuotaKey[] = "storage.quota";
constexpr uint64_t kLeastQuota = uint64_t{1} << 30;

}  // namespace

absl::StatusOr<uint64_t> StorageQuota(Runtime& runtime, const Settings& settings, State& state) {
  if (!settings.Text(kQuotaKey).empty()) {
    return static_cast<uint64_t>(settings.Integer(kQuotaKey));
  }
  const absl::StatusOr<std::string> kept = state.Get(kQuotaKey);
  uint64_t quota = 0;
  if (kept.ok() && absl::SimpleAtoi(*kept, &quota)) return quota;
  if (!kept.ok() && !absl::IsNotFound(kept.status())) return kept.status();
  L2P_ASSIGN_OR_RETURN(const Folder::Space space, runtime.folder().Free());
  quota = std::max(kLeastQuota, space.free / 10);
  const State::Change change{kQuotaKey, absl::StrCat(quota)};
  L2P_RETURN_IF_ERROR(state.Commit({&change, 1}));
  return quota;
}

}  // namespace l2p
