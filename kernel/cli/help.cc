#include "kernel/cli/help.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "kernel/man_page.h"

namespace l2p {
namespace {

constexpr OptionSpec kGlobal[] = {
    {"--api", "URL|SOCKET", "the node to talk to; default L2P_API, else the default data.dir"},
    {"--json", nullptr, "results as JSON, one document a line"},
    {"--help", nullptr, "what a command does"},
};

constexpr std::pair<const char*, const char*> kExits[] = {
    {"0", "done"},         {"1", "failed"},
    {"2", "usage"},        {"3", "the content cannot be had now"},
    {"4", "no node"},      {"5", "health: degraded"},
    {"6", "health: lost"},
};

constexpr std::pair<const char*, const char*> kEnvironment[] = {
    {"L2P_API", "the node to talk to, as --api"},
    {"L2P_TOKEN", "the token for a URL; default: that of the default data.dir"},
};

std::string FormOf(const OptionSpec& option) {
  return option.argument == nullptr ? option.name : absl::StrCat(option.name, " ", option.argument);
}

void PrintOptions(std::ostream& out, std::span<const OptionSpec> options) {
  for (const OptionSpec& option : options) {
    out << absl::StrFormat("  %-22s %s\n", FormOf(option), option.help);
  }
}

ManPage::Items ItemsOf(std::span<const OptionSpec> options) {
  ManPage::Items items;
  for (const OptionSpec& option : options) items.emplace_back(FormOf(option), option.help);
  return items;
}

}  // namespace

std::vector<OptionSpec> OptionsOf(const Command& command) {
  std::vector<OptionSpec> options(command.options.begin(), command.options.end());
  options.insert(options.end(), std::begin(kGlobal), std::end(kGlobal));
  return options;
}

void PrintUsage(std::ostream& out) {
  out << "usage: l2p COMMAND [ARGUMENTS] [--api URL|SOCKET] [--json]\n\n";
  for (const Command& command : Commands()) {
    out << absl::StrFormat("  %-28s %s\n", absl::StrCat(command.name, " ", command.usage),
                           command.help);
  }
  const std::string exits = absl::StrJoin(std::begin(kExits), std::end(kExits), ", ",
                                          [](std::string* text, const auto& exit) {
                                            absl::StrAppend(text, exit.first, " ", exit.second);
                                          });
  out << "\nl2p COMMAND --help tells a command's options.\nExit codes: " << exits << ".\n";
}

void PrintHelp(std::ostream& out, const Command& command) {
  out << "usage: l2p " << command.name << " " << command.usage << "\n" << command.help << "\n\n";
  PrintOptions(out, OptionsOf(command));
}

std::string CliManPage() {
  ManPage page{.name = "l2p",
               .brief = "put files on an l2p network and get them back",
               .forms = {"COMMAND [ARGUMENTS] [--api URL|SOCKET] [--json]"},
               .sections = {}};
  page.sections.push_back(
      {.title = "DESCRIPTION",
       .text = "A client of a node's HTTP interface. Results go to stdout, all else to stderr."});
  ManPage::Section commands{.title = "COMMANDS", .text = ""};
  for (const Command& command : Commands()) {
    std::string text = command.help;
    for (const OptionSpec& option : command.options) {
      absl::StrAppend(&text, "\n\n", FormOf(option), ": ", option.help);
    }
    commands.items.emplace_back(absl::StrCat(command.name, " ", command.usage), std::move(text));
  }
  page.sections.push_back(std::move(commands));
  page.sections.push_back({.title = "OPTIONS", .text = "", .items = ItemsOf(kGlobal)});
  page.sections.push_back(
      {.title = "EXIT STATUS", .text = "", .items = {std::begin(kExits), std::end(kExits)}});
  page.sections.push_back({.title = "ENVIRONMENT",
                           .text = "",
                           .items = {std::begin(kEnvironment), std::end(kEnvironment)}});
  page.sections.push_back({.title = "SEE ALSO", .text = "l2pkernel(1)"});
  return RenderManPage(page);
}

}  // namespace l2p
