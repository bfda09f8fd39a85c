#include "kernel/cli/arguments.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "kernel/nearest_name.h"

namespace l2p {
absl::StatusOr<Arguments> Arguments::Parse(std::span<const OptionSpec> specs,
                                           const std::vector<std::string>& words) {
  Arguments parsed;
  bool options_ended = false;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (options_ended || word.size() < 2 || word[0] != '-') {
      parsed.positional_.push_back(word);
      continue;
    }
    if (word == "--") {
      options_ended = true;
      continue;
    }
    const size_t equals = absl::StartsWith(word, "--") ? word.find('=') : std::string::npos;
    const std::string name = word.substr(0, equals);
    const auto spec = std::find_if(specs.begin(), specs.end(),
                                   [&](const OptionSpec& known) { return name == known.name; });
    if (spec == specs.end()) {
      std::vector<std::string> known;
      for (const OptionSpec& option : specs) known.emplace_back(option.name);
      return absl::InvalidArgumentError(
          absl::StrCat("unknown option ", name, DidYouMean(name, known)));
    }
    if (spec->argument == nullptr) {
      if (equals != std::string::npos) {
        return absl::InvalidArgumentError(absl::StrCat("option ", name, " takes no value"));
      }
      parsed.options_[name] = "";
    } else if (equals != std::string::npos) {
      parsed.options_[name] = word.substr(equals + 1);
    } else if (i + 1 < words.size()) {
      parsed.options_[name] = words[++i];
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("option ", name, " needs a value: ", name, " ", spec->argument));
    }
  }
  return parsed;
}

std::optional<std::string> Arguments::Value(const std::string& option) const {
  const auto found = options_.find(option);
  if (found == options_.end()) return std::nullopt;
  return found->second;
}

}  // namespace l2p
