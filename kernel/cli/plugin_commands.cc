// l2p plugin new, l2p plugins check: for authors of plugins. They need no node.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "kernel/cli/commands.h"
#include "l2p/plugin_file.h"

namespace l2p {
namespace {

namespace fs = std::filesystem;

// What each kind's files are called in the template and in the SDK.
struct KindOfTemplate {
  const char* kind;
  const char* part;              // <name>_<part>.cc
  const char* header;            // l2p/<header>
  const char* beside = nullptr;  // <name>_<beside>.cc, a second source.
};
constexpr KindOfTemplate kKinds[] = {
    {"chunking", "chunker", "chunker.h"},  {"hashing", "hasher", "hasher.h"},
    {"storage", "store", "block_store.h"}, {"service", "service", "service.h"},
    {"routing", "router", "router.h"},     {"transport", "transport", "transport.h", "connection"},
};

// Beside this program, in the build tree and where it is installed.
fs::path TemplateFolder() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return program.parent_path().parent_path() / "share/l2p/template";
}

absl::Status CheckName(const std::string& name) {
  const bool good = !name.empty() && absl::ascii_islower(name[0]) &&
                    std::all_of(name.begin(), name.end(), [](unsigned char c) {
                      return absl::ascii_islower(c) || absl::ascii_isdigit(c);
                    });
  if (good) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("'", name, "': a plugin's name is letters a-z and digits, a letter first"));
}

absl::StatusOr<KindOfTemplate> FindKind(const std::string& kind) {
  std::vector<std::string> known;
  for (const KindOfTemplate& each : kKinds) {
    if (kind == each.kind) return each;
    known.emplace_back(each.kind);
  }
  return absl::InvalidArgumentError(absl::StrCat("there is no template of kind '", kind,
                                                 "'; there are: ", absl::StrJoin(known, ", ")));
}

// Writes each file of `from` to `to`, in names and text with `words` in place.
absl::Status Fill(const fs::path& from, const fs::path& to,
                  const std::vector<std::pair<std::string, std::string>>& words) {
  std::error_code error;
  fs::directory_iterator entries(from, error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("read templates in ", from.string()));
  for (const fs::directory_entry& entry : entries) {
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const fs::path target = to / absl::StrReplaceAll(entry.path().filename().string(), words);
    std::ofstream out(target, std::ios::binary);
    out << absl::StrReplaceAll(text, words);
    if (!in || !out.flush()) return absl::UnavailableError("write " + target.string());
  }
  return absl::OkStatus();
}

absl::Status NewPlugin(const std::string& kind, const std::string& name) {
  L2P_ASSIGN_OR_RETURN(const KindOfTemplate known, FindKind(kind));
  L2P_RETURN_IF_ERROR(CheckName(name));
  if (fs::exists(name)) return absl::AlreadyExistsError(absl::StrCat("./", name, " exists"));
  const std::string part = absl::StrCat(name, "_", known.part);
  std::string camel = name;
  camel[0] = absl::ascii_toupper(static_cast<unsigned char>(camel[0]));
  const std::vector<std::pair<std::string, std::string>> words = {
      {"@name@", name},
      {"@Name@", camel},
      {"@NAME@", absl::AsciiStrToUpper(name)},
      {"@kind@", kind},
      {"@source@", known.beside == nullptr
                       ? part + ".cc"
                       : absl::StrCat(part, ".cc ", name, "_", known.beside, ".cc")},
      {"@header@", known.header},
      {"@usage@", absl::StrCat(kind, ".plugin=", name)},
  };
  // Filled beside its place, so that nothing half-written is left.
  const fs::path part_folder = "." + name + ".new";
  std::error_code error;
  fs::create_directory(part_folder, error);
  if (error) return ErrnoStatus(error.value(), "create " + part_folder.string());
  absl::Status filled = Fill(TemplateFolder() / "common", part_folder, words);
  filled.Update(Fill(TemplateFolder() / kind, part_folder, words));
  if (filled.ok()) {
    fs::rename(part_folder, name, error);
    if (error) filled = ErrnoStatus(error.value(), "rename to " + name);
  }
  if (!filled.ok()) fs::remove_all(part_folder, error);
  return filled;
}

}  // namespace

int RunPlugin(const Invocation& invocation) {
  const std::vector<std::string>& words = invocation.arguments.positional();
  if (words[0] != "new") {
    std::cerr << "l2p: plugin: expected 'new', found '" << words[0] << "'\n";
    return kExitUsage;
  }
  if (const absl::Status status = NewPlugin(words[1], words[2]); !status.ok()) {
    const int code = Report(status);
    return absl::IsInvalidArgument(status) ? kExitUsage : code;
  }
  std::cout << "./" << words[2] << " is a plugin of kind " << words[1]
            << "; to build and check it:\n"
            << "  cd " << words[2]
            << " && cmake -B build && cmake --build build && ctest --test-dir build\n";
  return kExitDone;
}

int CheckPluginFile(const std::string& file) {
  const absl::StatusOr<std::vector<PluginField>> fields = ComparePluginFile(file);
  if (!fields.ok()) return Report(fields.status());
  bool fits = true;
  for (const PluginField& field : *fields) {
    fits = fits && field.fits;
    std::cout << absl::StrFormat("%-7s %-22s %s%s\n", field.fits ? "fits" : "REFUSED", field.name,
                                 field.found, field.fits ? "" : ", wanted " + field.wanted);
  }
  std::cout << (fits ? "a node loads it; l2p-check-plugin tells whether it keeps its contract\n"
                     : "a node refuses it: build it with the SDK and the settings of that node\n");
  return fits ? kExitDone : kExitFailed;
}

}  // namespace l2p
