// l2p: a thin client of a node's admin endpoint.
#include <algorithm>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "kernel/cli/commands.h"
#include "kernel/nearest_name.h"
#include "l2p/api.h"

namespace l2p {
namespace {

constexpr OptionSpec kGlobal[] = {
    {"--api", "URL|SOCKET", "the node to talk to; default L2P_API, else the default data.dir"},
    {"--json", nullptr, "results as JSON, one document a line"},
    {"--help", nullptr, "what a command does"},
};

std::vector<OptionSpec> OptionsOf(const Command& command) {
  std::vector<OptionSpec> options(command.options.begin(), command.options.end());
  options.insert(options.end(), std::begin(kGlobal), std::end(kGlobal));
  return options;
}

void PrintOptions(std::ostream& out, std::span<const OptionSpec> options) {
  for (const OptionSpec& option : options) {
    const std::string form =
        option.argument == nullptr ? option.name : absl::StrCat(option.name, " ", option.argument);
    out << absl::StrFormat("  %-22s %s\n", form, option.help);
  }
}

void PrintUsage(std::ostream& out) {
  out << "usage: l2p COMMAND [ARGUMENTS] [--api URL|SOCKET] [--json]\n\n";
  for (const Command& command : Commands()) {
    out << absl::StrFormat("  %-28s %s\n", absl::StrCat(command.name, " ", command.usage),
                           command.help);
  }
  out << "\nl2p COMMAND --help tells a command's options.\n"
         "Exit codes: 0 done, 1 failed, 2 usage, 3 the content cannot be had now, 4 no node.\n";
}

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
    std::cout << "usage: l2p " << command.name << " " << command.usage << "\n"
              << command.help << "\n\n";
    PrintOptions(std::cout, options);
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
