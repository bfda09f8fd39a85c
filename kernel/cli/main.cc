// l2p: a thin client of a node's admin endpoint.
#include <algorithm>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kernel/cli/help.h"
#include "kernel/nearest_name.h"
#include "l2p/api.h"

namespace l2p {
namespace {

int Misused(const std::string& what) {
  std::cerr << "l2p: " << what << "\n";
  return kExitUsage;
}

int RunCommand(const Command& command, const std::vector<std::string>& words) {
  const std::vector<OptionSpec> options = OptionsOf(command);
  const absl::StatusOr<Arguments> arguments = Arguments::Parse(options, words);
  if (!arguments.ok()) {
    return Misused(absl::StrCat(command.name, ": ", std::string(arguments.status().message())));
  }
  if (arguments->Has("--help")) {
    PrintHelp(std::cout, command);
    return kExitDone;
  }
  const size_t given = arguments->positional().size();
  if (given < command.least || given > command.most) {
    return Misused(absl::StrCat("usage: l2p ", command.name, " ", command.usage));
  }
  absl::StatusOr<ApiClient> api = ApiClient::Find(arguments->Value("--api"));
  if (!api.ok()) return Misused(std::string(api.status().message()));
  return command.run({*api, *arguments, arguments->Has("--json")});
}

int Main(std::vector<std::string> words) {
  // Options before the command belong to it all the same.
  const auto is_command = [](const std::string& word) {
    return std::any_of(Commands().begin(), Commands().end(),
                       [&](const Command& command) { return word == command.name; });
  };
  if (words == std::vector<std::string>{"help", "--man"}) {
    std::cout << CliManPage();
    return kExitDone;
  }
  if (words.empty() || words[0] == "--help" || words[0] == "help" || words[0] == "-h") {
    PrintUsage(words.empty() ? std::cerr : std::cout);
    return words.empty() ? kExitUsage : kExitDone;
  }
  if (words[0] == "--version") {
    std::cout << "l2p " << kVersion << "\n";
    return kExitDone;
  }
  const auto name = std::find_if(words.begin(), words.end(), is_command);
  const bool options_only = std::all_of(words.begin(), name, [&](const std::string& word) {
    return word[0] == '-' || (&word != words.data() && *(&word - 1) == "--api");
  });
  if (name == words.end() || !options_only) {
    std::vector<std::string> known;
    for (const Command& command : Commands()) known.emplace_back(command.name);
    return Misused(absl::StrCat("unknown command '", words[0], "'", DidYouMean(words[0], known),
                                " (l2p --help lists all)"));
  }
  const std::string command_name = *name;
  words.erase(name);
  for (const Command& command : Commands()) {
    if (command_name == command.name) return RunCommand(command, words);
  }
  return kExitUsage;
}

}  // namespace
}  // namespace l2p

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  return l2p::Main({argv + 1, argv + argc});
}
