#include "kernel/content/profile.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "l2p/chunker.h"
#include "l2p/group.h"
#include "l2p/settings.h"

namespace l2p {
namespace {

// A folder node over it could outgrow a block, whichever rule counts its bytes.
constexpr uint64_t kMaxHamtThreshold = 1 << 20;

absl::Status Bad(std::string_view name, std::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("content.profile.", av(name), ": ", av(problem)));
}

absl::StatusOr<uint64_t> Bounded(std::string_view name, std::string_view key,
                                 std::string_view value, uint64_t least, uint64_t most) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(av(value), &number)) {
    absl::StatusOr<int64_t> size = ParseSize(value);
    if (!size.ok()) return Bad(name, absl::StrCat(av(key), "=", av(value), " is no number"));
    number = static_cast<uint64_t>(*size);
  }
  if (number >= least && number <= most) return number;
  return Bad(name, absl::StrCat(av(key), "=", av(value), " is not in ", least, "..", most));
}

absl::Status SetField(std::string_view key, std::string_view value, Profile& profile) {
  const std::string& name = profile.name;
  if (key == "chunker") {
    profile.chunker = value;
  } else if (key == "size") {
    L2P_ASSIGN_OR_RETURN(profile.size, Bounded(name, key, value, 1, Chunker::kMaxChunk));
  } else if (key == "links") {
    // Nodes with more leaves than a group would make each leaf a group.
    L2P_ASSIGN_OR_RETURN(profile.links, Bounded(name, key, value, 2, kMaxGroupLeaves));
  } else if (key == "hamt") {
    L2P_ASSIGN_OR_RETURN(profile.hamt_threshold, Bounded(name, key, value, 0, kMaxHamtThreshold));
  } else if (key == "rule" && value == "block") {
    profile.hamt_rule = Profile::HamtRule::kBlockBytes;
  } else if (key == "rule" && value == "links") {
    profile.hamt_rule = Profile::HamtRule::kLinkBytes;
  } else if (key == "rule") {
    return Bad(name, absl::StrCat("rule=", av(value), " is neither block nor links"));
  } else {
    return Bad(name, absl::StrCat("unknown key \"", av(key), "\""));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Profile> ParseProfile(std::string_view name, std::string_view text) {
  Profile profile;
  profile.name = name;
  for (absl::string_view part : absl::StrSplit(av(text), ' ', absl::SkipEmpty())) {
    const std::pair<std::string, std::string> field = absl::StrSplit(part, absl::MaxSplits('=', 1));
    if (field.second.empty()) {
      return Bad(name, absl::StrCat("\"", part, "\" is not key=value"));
    }
    L2P_RETURN_IF_ERROR(SetField(field.first, field.second, profile));
  }
  return profile;
}

}  // namespace l2p
