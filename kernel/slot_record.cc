// The row of a slot is lines:
//   slot       = *((field | configured | setting) LF)
//   field      = ("plugin" | "generation" | "moving_to" | "left") "=" text
//   configured = "configured." key "=" text
//   setting    = "setting." name "=" text
// with C escapes in text.
#include "kernel/slot_record.h"

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace l2p {
namespace {

const std::string kRow = "slot/";
constexpr char kSetting[] = "setting.";
constexpr char kConfigured[] = "configured.";

void SetField(absl::string_view key, std::string text, SlotRecord& record) {
  if (key == "plugin") {
    record.plugin = std::move(text);
  } else if (key == "generation") {
    if (!absl::SimpleAtoi(text, &record.generation)) record.generation = 0;
  } else if (key == "moving_to") {
    record.moving_to = std::move(text);
  } else if (key == "left") {
    record.left = std::move(text);
  } else if (absl::ConsumePrefix(&key, kSetting)) {
    record.settings[std::string(key)] = std::move(text);
  } else if (absl::ConsumePrefix(&key, kConfigured)) {
    record.configured[std::string(key)] = std::move(text);
  }
}

void AppendField(const char* name, const std::string& text, std::string& lines) {
  if (!text.empty()) absl::StrAppend(&lines, name, "=", absl::CEscape(text), "\n");
}

}  // namespace

absl::StatusOr<SlotRecord> ReadSlotRecord(State& state, const std::string& kind) {
  SlotRecord record;
  const absl::StatusOr<std::string> row = state.Get(kRow + kind);
  if (absl::IsNotFound(row.status())) return record;
  L2P_RETURN_IF_ERROR(row.status());
  for (const absl::string_view line : absl::StrSplit(*row, '\n', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> field =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    std::string text;
    if (!absl::CUnescape(field.second, &text)) {
      return absl::DataLossError(absl::StrCat("state row ", kRow, kind, ": bad line ", line));
    }
    SetField(field.first, std::move(text), record);
  }
  return record;
}

absl::Status WriteSlotRecord(State& state, const std::string& kind, const SlotRecord& record) {
  std::string lines = absl::StrCat("generation=", record.generation, "\n");
  AppendField("plugin", record.plugin, lines);
  AppendField("moving_to", record.moving_to, lines);
  AppendField("left", record.left, lines);
  for (const auto& [name, value] : record.settings) {
    absl::StrAppend(&lines, kSetting, name, "=", absl::CEscape(value), "\n");
  }
  for (const auto& [key, value] : record.configured) {
    absl::StrAppend(&lines, kConfigured, key, "=", absl::CEscape(value), "\n");
  }
  const State::Change change{kRow + kind, std::move(lines)};
  return state.Commit({&change, 1});
}

}  // namespace l2p
