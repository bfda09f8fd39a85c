// Both scripts hold the same table, one line for each command: its options, and what stands at each
// of its places (files, ids, kinds, words as they are, or nothing), the last one repeated.
#include <algorithm>
#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "kernel/cli/help.h"
#include "l2p/plugin_file.h"

namespace l2p {
namespace {

// Finds `command` and the number of the `place` that the cursor is at, then what to offer there.
constexpr char kBash[] = R"script(# bash completion for l2p: source <(l2p completion bash)
_l2p() {
  local cursor=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local command='' options='@global@' places=() place=0 i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    case ${COMP_WORDS[i]} in
      @valued@) ((++i)) ;;
      -*) ;;
      *) if [[ -z $command ]]; then command=${COMP_WORDS[i]}; else ((++place)); fi ;;
    esac
  done
  COMPREPLY=()
  case $before in @valued@) COMPREPLY=($(compgen -f -- "$cursor")); return ;; esac
  case $command in
    '') places=('@commands@') ;;
@table@  esac
  if [[ $cursor == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$cursor"))
    return
  fi
  ((place < ${#places[@]})) || place=$((${#places[@]} - 1))
  ((place >= 0)) || return 0
  case ${places[place]} in
    files) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cursor")) ;;
    ids) COMPREPLY=($(compgen -W "$(l2p files 2>/dev/null | cut -d ' ' -f 1)" -- "$cursor")) ;;
    *) COMPREPLY=($(compgen -W "${places[place]}" -- "$cursor")) ;;
  esac
  return 0
}
complete -F _l2p l2p
)script";

constexpr char kZsh[] = R"script(#compdef l2p
# zsh completion for l2p: as _l2p in a folder of $fpath, or source <(l2p completion zsh)
_l2p() {
  local command='' options='@global@' place=1 i
  local -a places
  for ((i = 2; i < CURRENT; ++i)); do
    case $words[i] in
      @valued@) ((++i)) ;;
      -*) ;;
      *) if [[ -z $command ]]; then command=$words[i]; else ((++place)); fi ;;
    esac
  done
  case $words[CURRENT-1] in @valued@) _files; return ;; esac
  case $command in
    '') places=('@commands@') ;;
@table@  esac
  if [[ $words[CURRENT] == -* ]]; then
    compadd -- ${=options}
    return
  fi
  ((place > $#places)) && place=$#places
  ((place > 0)) || return 0
  case $places[place] in
    files) _files ;;
    ids) compadd -- ${(f)"$(l2p files 2>/dev/null | cut -d ' ' -f 1)"} ;;
    *) compadd -- ${=places[place]} ;;
  esac
}
if [[ $funcstack[1] == _l2p ]]; then _l2p "$@"; else compdef _l2p l2p; fi
)script";

std::string NamesOf(std::span<const OptionSpec> options) {
  return absl::StrJoin(options, " ", [](std::string* text, const OptionSpec& option) {
    absl::StrAppend(text, option.name);
  });
}

// What a word of a command's usage stands for: "PATH...|-", "[add|rm]", "KIND".
std::string PlaceOf(absl::string_view word) {
  if (absl::StrContains(word, "PATH") && !absl::StrContains(word, "ID")) return "files";
  if (absl::StrContains(word, "FILE")) return "files";
  if (absl::StrContains(word, "ID")) return "ids";
  if (word == "KIND") {
    return absl::StrJoin(PluginKinds(), " ",
                         [](std::string* text, auto kind) { absl::StrAppend(text, av(kind)); });
  }
  const std::string plain = absl::StrReplaceAll(word, {{"[", ""}, {"]", ""}, {"|", " "}});
  const bool is_literal = !plain.empty() && absl::ascii_islower(plain[0]);
  return is_literal ? plain : "";
}

std::string TableLine(const Command& command) {
  std::vector<std::string> places;
  for (const absl::string_view word : absl::StrSplit(command.usage, ' ', absl::SkipEmpty())) {
    places.push_back(absl::StrCat("'", PlaceOf(word), "'"));
  }
  return absl::StrCat("    ", command.name, ") options='", NamesOf(OptionsOf(command)),
                      "' places=(", absl::StrJoin(places, " "), ") ;;\n");
}

}  // namespace

absl::StatusOr<std::string> CompletionFor(const std::string& shell) {
  if (shell != "bash" && shell != "zsh") {
    return absl::InvalidArgumentError(
        absl::StrCat("there is no completion for '", shell, "'; there is for bash and zsh"));
  }
  std::vector<std::string> commands;
  std::vector<std::string> valued;
  std::string table;
  for (const Command& command : Commands()) {
    commands.emplace_back(command.name);
    for (const OptionSpec& option : OptionsOf(command)) {
      if (option.argument != nullptr) valued.emplace_back(option.name);
    }
    table += TableLine(command);
  }
  std::sort(valued.begin(), valued.end());
  valued.erase(std::unique(valued.begin(), valued.end()), valued.end());
  constexpr Command kNone = {"", "", "", 0, 0, {}, nullptr};
  return absl::StrReplaceAll(shell == "bash" ? kBash : kZsh,
                             {{"@global@", NamesOf(OptionsOf(kNone))},
                              {"@valued@", absl::StrJoin(valued, "|")},
                              {"@commands@", absl::StrJoin(commands, " ")},
                              {"@table@", table}});
}

int RunCompletion(const Invocation& invocation) {
  const absl::StatusOr<std::string> script = CompletionFor(invocation.arguments.positional()[0]);
  if (!script.ok()) {
    Report(script.status());
    return kExitUsage;
  }
  std::cout << *script;
  return kExitDone;
}

}  // namespace l2p
