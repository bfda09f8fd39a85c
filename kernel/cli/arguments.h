#ifndef L2P_KERNEL_CLI_ARGUMENTS_H_
#define L2P_KERNEL_CLI_ARGUMENTS_H_

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "l2p/status.h"

namespace l2p {

// One option of a command: "--profile NAME" or a flag "--local".
struct OptionSpec {
  const char* name;      // "--profile", "-o"
  const char* argument;  // "NAME", or nullptr for a flag.
  const char* help;
};

// The words behind a command, taken apart. A value.
class Arguments {
 public:
  // Options may stand anywhere; "--" ends them; "--name=value" and "--name value" are the same.
  // InvalidArgument names an unknown option and the nearest known one, or a missing value.
  static absl::StatusOr<Arguments> Parse(std::span<const OptionSpec> specs,
                                         const std::vector<std::string>& words);

  bool Has(const std::string& option) const { return options_.contains(option); }
  std::optional<std::string> Value(const std::string& option) const;
  const std::vector<std::string>& positional() const { return positional_; }

 private:
  std::map<std::string, std::string> options_;
  std::vector<std::string> positional_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CLI_ARGUMENTS_H_
