#ifndef L2P_KERNEL_CLI_HELP_H_
#define L2P_KERNEL_CLI_HELP_H_

#include <ostream>
#include <string>
#include <vector>

#include "kernel/cli/commands.h"

namespace l2p {

// What the command line says of itself; all of it comes from the table of commands.

// A command's own options, and those of all.
std::vector<OptionSpec> OptionsOf(const Command& command);

void PrintUsage(std::ostream& out);
void PrintHelp(std::ostream& out, const Command& command);
std::string CliManPage();

// A script that makes a shell complete the words of l2p. InvalidArgument unless `shell` is bash or
// zsh.
absl::StatusOr<std::string> CompletionFor(const std::string& shell);

}  // namespace l2p

#endif  // L2P_KERNEL_CLI_HELP_H_
