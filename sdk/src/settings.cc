// The text forms of settings:
//   size      = digits ["B" | "KiB" | "MiB" | "GiB" | "TiB"]
//   duration  = digits "d" | absl's form: "250ms", "1h30m"
//   integer   = ["-"] digits
//   boolean   = "true" | "false"
//   list      = [item *("," item)], blanks around items dropped, empty items left out
#include "l2p/settings.h"

#include <cstdlib>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace l2p {
namespace {

absl::Status Expected(std::string_view text, std::string_view form) {
  return absl::InvalidArgumentError(absl::StrCat("\"", av(text), "\" is not ", av(form)));
}

absl::StatusOr<int64_t> ParseInteger(std::string_view text) {
  int64_t value;
  if (!absl::SimpleAtoi(av(text), &value)) return Expected(text, "a whole number");
  return value;
}

absl::Status CheckText(std::string_view allowed, std::string_view text) {
  if (allowed.empty()) return absl::OkStatus();
  for (const absl::string_view choice : absl::StrSplit(av(allowed), '|')) {
    if (choice == av(text)) return absl::OkStatus();
  }
  return Expected(text, absl::StrCat("one of ", av(allowed)));
}

// `allowed` is "min..max", either of them may be missing.
template <typename Parse>
absl::Status CheckRange(std::string_view allowed, std::string_view text, Parse parse) {
  auto value = parse(text);
  if (!value.ok()) return value.status();
  const size_t dots = allowed.find("..");
  if (dots == allowed.npos) return absl::OkStatus();
  const std::string_view low = allowed.substr(0, dots), high = allowed.substr(dots + 2);
  if ((!low.empty() && *value < *parse(low)) || (!high.empty() && *value > *parse(high))) {
    return Expected(text, absl::StrCat("within ", av(allowed)));
  }
  return absl::OkStatus();
}

const SettingSpec* FindSpec(std::span<const SettingSpec> schema, std::string_view name) {
  for (const SettingSpec& spec : schema) {
    if (name == spec.name) return &spec;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<int64_t> ParseSize(std::string_view text) {
  static constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  constexpr char kForm[] = "a size like 512KiB, 64MiB or 10GiB";
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  int64_t value;
  if (!absl::SimpleAtoi(av(text.substr(0, digits)), &value)) return Expected(text, kForm);
  absl::string_view unit = absl::StripAsciiWhitespace(av(text.substr(digits)));
  if (unit.empty()) return value;
  int shift = 0;
  for (const std::string_view each : kUnits) {
    if (unit == av(each)) {
      if (value > std::numeric_limits<int64_t>::max() >> shift) return Expected(text, kForm);
      return value << shift;
    }
    shift += 10;
  }
  return Expected(text, kForm);
}

absl::StatusOr<absl::Duration> ParseDuration(std::string_view text) {
  absl::Duration value;
  int64_t days;
  if (text.ends_with('d') && absl::SimpleAtoi(av(text.substr(0, text.size() - 1)), &days)) {
    value = absl::Hours(24) * days;
  } else if (!absl::ParseDuration(av(text), &value)) {
    return Expected(text, "a duration like 250ms, 10m, 48h or 30d");
  }
  if (value < absl::ZeroDuration()) return Expected(text, "a duration of zero or more");
  return value;
}

std::vector<std::string> ParseList(std::string_view text) {
  std::vector<std::string> items;
  for (const absl::string_view part : absl::StrSplit(av(text), ',')) {
    const absl::string_view item = absl::StripAsciiWhitespace(part);
    if (!item.empty()) items.emplace_back(item);
  }
  return items;
}

absl::Status CheckSetting(const SettingSpec& spec, std::string_view text) {
  if (text == spec.fallback) return absl::OkStatus();
  switch (spec.type) {
    case SettingType::kText:
      return CheckText(spec.allowed, text);
    case SettingType::kInteger:
      return CheckRange(spec.allowed, text, ParseInteger);
    case SettingType::kSize:
      return CheckRange(spec.allowed, text, ParseSize);
    case SettingType::kDuration:
      return CheckRange(spec.allowed, text, ParseDuration);
    case SettingType::kBoolean:
      return CheckText("true|false", text);
    case SettingType::kList:
      break;
  }
  for (const std::string& item : ParseList(text)) {
    L2P_RETURN_IF_ERROR(CheckText(spec.allowed, item));
  }
  return absl::OkStatus();
}

absl::StatusOr<Settings> Settings::Make(std::span<const SettingSpec> schema,
                                        const std::map<std::string, std::string>& values) {
  Settings settings;
  for (const SettingSpec& spec : schema) settings.values_[spec.name] = spec.fallback;
  for (const auto& [name, text] : values) {
    const SettingSpec* const spec = FindSpec(schema, name);
    if (spec == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("there is no setting \"", name, "\""));
    }
    L2P_RETURN_IF_ERROR(WithContext(CheckSetting(*spec, text), name));
    settings.values_[name] = text;
  }
  return settings;
}

std::string Settings::Text(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? std::string() : found->second;
}

int64_t Settings::Integer(std::string_view name) const {
  const std::string text = Text(name);
  if (const auto value = ParseInteger(text); value.ok()) return *value;
  return ParseSize(text).value_or(0);
}

absl::Duration Settings::GetDuration(std::string_view name) const {
  return ParseDuration(Text(name)).value_or(absl::ZeroDuration());
}

bool Settings::Boolean(std::string_view name) const { return Text(name) == "true"; }

std::vector<std::string> Settings::List(std::string_view name) const {
  return ParseList(Text(name));
}

}  // namespace l2p
