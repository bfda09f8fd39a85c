// The grammar, in UTF-8:
//   file     = *((comment | setting | blank) end-of-line)
//   comment  = blanks ("#" | "!") anything
//   setting  = blanks key blanks ("=" | ":") blanks value blanks
// A "\" at the end of a setting's line continues it on the next, whose leading blanks are dropped.
// Every other "\" stands for itself.
#include "kernel/properties.h"

#include <map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace l2p {
namespace {

absl::Status At(std::string_view name, int line, std::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(av(name), ":", line, ": ", av(problem)));
}

absl::StatusOr<Property> ParseSetting(std::string_view name, int line, absl::string_view text) {
  const size_t separator = text.find_first_of("=:");
  if (separator == absl::string_view::npos) {
    return At(name, line, absl::StrCat("expected key = value, found \"", text, "\""));
  }
  const absl::string_view key = absl::StripAsciiWhitespace(text.substr(0, separator));
  if (key.empty()) return At(name, line, "there is no key before the value");
  return Property{.key = std::string(key),
                  .value = std::string(absl::StripAsciiWhitespace(text.substr(separator + 1))),
                  .line = line};
}

}  // namespace

absl::StatusOr<std::vector<Property>> ParseProperties(std::string_view name,
                                                      std::string_view text) {
  absl::string_view rest = av(text);
  absl::ConsumePrefix(&rest, "\xef\xbb\xbf");  // A byte order mark.
  const std::vector<absl::string_view> lines = absl::StrSplit(rest, '\n');
  std::vector<Property> properties;
  std::map<std::string, int> first_lines;
  for (size_t i = 0; i < lines.size(); ++i) {
    const int first = static_cast<int>(i) + 1;
    std::string setting(absl::StripAsciiWhitespace(lines[i]));
    if (setting.empty() || setting[0] == '#' || setting[0] == '!') continue;
    while (setting.ends_with('\\')) {
      setting.pop_back();
      if (++i == lines.size()) break;
      absl::StrAppend(&setting, absl::StripAsciiWhitespace(lines[i]));
    }
    L2P_ASSIGN_OR_RETURN(Property property, ParseSetting(name, first, setting));
    const auto [seen, added] = first_lines.emplace(property.key, first);
    if (!added) {
      return At(name, first,
                absl::StrCat("'", property.key, "' is set twice, first in line ", seen->second));
    }
    properties.push_back(std::move(property));
  }
  return properties;
}

}  // namespace l2p
