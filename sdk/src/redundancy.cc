#include "l2p/redundancy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace l2p {
namespace {

constexpr size_t kManyHolders = 24;
constexpr size_t kCodedFrom = 6;
constexpr size_t kFewCopies = 3;

// Decimal digits alone: SimpleAtoi also takes signs and blanks.
bool ParseCount(absl::string_view text, size_t& count) {
  return !text.empty() && text.find_first_not_of("0123456789") == absl::string_view::npos &&
         text.front() != '0' && absl::SimpleAtoi(text, &count);
}

}  // namespace

absl::StatusOr<Redundancy> Redundancy::Parse(std::string_view text) {
  absl::string_view rest = av(text);
  Redundancy spec;
  if (rest == "auto") return spec;
  if (absl::ConsumePrefix(&rest, "copies:")) {
    spec = Copies(0);
    if (ParseCount(rest, spec.holders) && spec.holders <= kMaxHolders) return spec;
  } else if (absl::ConsumePrefix(&rest, "rs:")) {
    spec = ReedSolomon(0, 0);
    const std::pair<absl::string_view, absl::string_view> counts =
        absl::StrSplit(rest, absl::MaxSplits('/', 1));
    if (ParseCount(counts.first, spec.needed) && ParseCount(counts.second, spec.holders) &&
        spec.needed >= 2 && spec.needed < spec.holders && spec.holders <= kMaxHolders) {
      return spec;
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("redundancy '", av(text),
                   "' is not auto, copies:N or rs:K/N with 2 <= K < N, N <= ", kMaxHolders));
}

std::string Redundancy::ToString() const {
  switch (kind) {
    case Kind::kCopies:
      return absl::StrCat("copies:", holders);
    case Kind::kReedSolomon:
      return absl::StrCat("rs:", needed, "/", holders);
    case Kind::kAuto:
      break;
  }
  return "auto";
}

Redundancy Redundancy::Resolve(size_t usable) const {
  if (kind != Kind::kAuto) return *this;
  if (usable >= kManyHolders) return ReedSolomon(kManyHolders / 3, kManyHolders);
  if (usable >= kCodedFrom) return ReedSolomon(usable / 3, usable / 3 * 3);
  return Copies(std::clamp<size_t>(usable, 1, kFewCopies));
}

Redundancy Redundancy::ForGroup(const Group& group) const {
  if (!coded() || (!group.leaves.empty() && group.bytes() > kTinyGroup)) return *this;
  return Copies(margin() + 1);
}

}  // namespace l2p
