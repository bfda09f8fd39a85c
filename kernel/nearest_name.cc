#include "kernel/nearest_name.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

// Levenshtein's distance, one row at a time.
size_t Edits(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row[b.size()];
}

}  // namespace

std::string DidYouMean(std::string_view name, std::span<const std::string> candidates) {
  const std::string* nearest = nullptr;
  size_t fewest = std::max<size_t>(2, name.size() / 4) + 1;
  for (const std::string& candidate : candidates) {
    const size_t edits = Edits(name, candidate);
    if (edits < std::min(fewest, candidate.size())) {
      fewest = edits;
      nearest = &candidate;
    }
  }
  return nearest == nullptr ? "" : absl::StrCat(", did you mean '", *nearest, "'?");
}

}  // namespace l2p
