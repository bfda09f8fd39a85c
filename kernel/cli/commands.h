#ifndef L2P_KERNEL_CLI_COMMANDS_H_
#define L2P_KERNEL_CLI_COMMANDS_H_

#include <span>
#include <string>
#include <vector>

#include "kernel/cli/api_client.h"
#include "kernel/cli/arguments.h"

namespace l2p {

// What a command works with. Results go to stdout, everything else to stderr.
struct Invocation {
  ApiClient& api;
  const Arguments& arguments;
  bool json;  // Results as JSON, one document a line.
};

struct Command {
  const char* name;
  const char* usage;  // What follows the name: "PATH...|-".
  const char* help;   // One line.
  size_t least;       // Positional arguments.
  size_t most;
  std::span<const OptionSpec> options;
  // Returns an ExitCode; has said on stderr what went wrong.
  int (*run)(const Invocation& invocation);
};

std::span<const Command> Commands();

// Prints "l2p: <message>" and returns the exit code for `error` of a command that reads content
// (`reads`: what cannot be had now is kExitNotAvailable) or of another.
int Report(const absl::Status& error, bool reads = false);

// "1.5 MiB"
std::string HumanBytes(double bytes);

// transfer_commands.cc
int RunPut(const Invocation& invocation);
int RunGet(const Invocation& invocation);
int RunCat(const Invocation& invocation);

// receipt_command.cc
int RunReceipt(const Invocation& invocation);
// Writes `receipts` (signed, in multibase) of a put of `id` into a file.
absl::Status WriteReceipts(const std::string& path, const std::string& id,
                           const std::vector<std::string>& receipts);

// info_commands.cc
int RunRedundancy(const Invocation& invocation);
int RunLs(const Invocation& invocation);
int RunStat(const Invocation& invocation);
int RunHealth(const Invocation& invocation);
int RunFiles(const Invocation& invocation);
int RunRm(const Invocation& invocation);
int RunId(const Invocation& invocation);
int RunPeers(const Invocation& invocation);
int RunConnect(const Invocation& invocation);
int RunPlugins(const Invocation& invocation);  // list, or check FILE
int RunSwap(const Invocation& invocation);
int RunSettings(const Invocation& invocation);
int RunStatus(const Invocation& invocation);
int RunDashboard(const Invocation& invocation);
int RunShutdown(const Invocation& invocation);

// completion.cc
int RunCompletion(const Invocation& invocation);

// space_commands.cc
int RunPin(const Invocation& invocation);
int RunGc(const Invocation& invocation);

// plugin_commands.cc
int RunPlugin(const Invocation& invocation);
int CheckPluginFile(const std::string& file);  // Its ExitCode.

}  // namespace l2p

#endif  // L2P_KERNEL_CLI_COMMANDS_H_
