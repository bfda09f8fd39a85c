#ifndef L2P_SETTINGS_H_
#define L2P_SETTINGS_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "l2p/api.h"
#include "l2p/status.h"

namespace l2p {

enum class SettingType { kText, kInteger, kSize, kDuration, kBoolean, kList };

// One setting of a plugin or of the kernel: what the validation, config/node.properties and the
// admin's settings page are made of. All members are literals.
struct SettingSpec {
  const char* name;  // Without the section: "size" for chunking.<plugin>.size.
  SettingType type;
  const char* fallback;  // The default, as one would write it in the file; "" = empty.
  const char* allowed;  // "a|b|c" for kText; "min..max" for numbers, sizes and durations; "" = any.
  const char* help;     // One line.
};

// Parses `text` as `type` and checks it against `allowed`. Sizes: a number with B, KiB, MiB, GiB or
// TiB; durations: absl's form ("250ms", "10m", "48h"), also "30d"; booleans: true, false; lists:
// comma-separated, blanks around items dropped. The default is always allowed.
L2P_SDK_API absl::Status CheckSetting(const SettingSpec& spec, std::string_view text);

// The values of one plugin instance, complete (defaults filled in) and checked against its schema.
// A value; any thread.
class L2P_SDK_API Settings {
 public:
  Settings() = default;

  // `values` overrides the defaults of `schema`; InvalidArgument names the first unknown or
  // ill-typed key.
  static absl::StatusOr<Settings> Make(std::span<const SettingSpec> schema,
                                       const std::map<std::string, std::string>& values);

  // REQUIRES: the schema has `name`, with this type (kSize counts as integer, in bytes).
  std::string Text(std::string_view name) const;
  int64_t Integer(std::string_view name) const;
  absl::Duration GetDuration(std::string_view name) const;
  bool Boolean(std::string_view name) const;
  std::vector<std::string> List(std::string_view name) const;

  // All values as text, for display and for the record of a swap.
  const std::map<std::string, std::string>& values() const { return values_; }

 private:
  std::map<std::string, std::string> values_;
};

// Parts of CheckSetting, for others that read the same forms.
L2P_SDK_API absl::StatusOr<int64_t> ParseSize(std::string_view text);
L2P_SDK_API absl::StatusOr<absl::Duration> ParseDuration(std::string_view text);
L2P_SDK_API std::vector<std::string> ParseList(std::string_view text);

}  // namespace l2p

#endif  // L2P_SETTINGS_H_
