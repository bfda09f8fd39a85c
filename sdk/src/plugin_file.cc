#include "l2p/plugin_file.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

constexpr std::string_view kKinds[] = {"transport", "routing", "chunking", "hashing",
                                       "storage",   "service", "crypto"};

std::string FolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool IsNameOf(const char* text, std::string_view extra) {
  const std::string_view name(text);
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           extra.find(c) != std::string_view::npos;
  });
}

std::string Quoted(const char* text) {
  return text == nullptr ? "nothing" : absl::StrCat("\"", text, "\"");
}

bool IsKind(const char* text) {
  return text != nullptr &&
         std::find(std::begin(kKinds), std::end(kKinds), text) != std::end(kKinds);
}

std::string AllKinds() {
  std::string text = "one of";
  for (const std::string_view kind : kKinds) absl::StrAppend(&text, " ", av(kind));
  return text;
}

// False if what follows cannot be read.
bool CompareLayout(const PluginDescriptor& found, std::vector<PluginField>& fields) {
  fields.push_back({"magic", absl::StrCat("0x", absl::Hex(kPluginMagic)),
                    absl::StrCat("0x", absl::Hex(found.magic)), found.magic == kPluginMagic});
  if (!fields.back().fits) return false;
  fields.push_back({"SDK major version", absl::StrCat(kSdkMajor), absl::StrCat(found.sdk_major),
                    found.sdk_major == kSdkMajor});
  if (!fields.back().fits) return false;
  fields.push_back({"SDK minor version", absl::StrCat("at most ", kSdkMinor),
                    absl::StrCat(found.sdk_minor), found.sdk_minor <= kSdkMinor});
  fields.push_back({"size of the descriptor", absl::StrCat(sizeof(PluginDescriptor)),
                    absl::StrCat(found.size), found.size == sizeof(PluginDescriptor)});
  return fields.back().fits;
}

void CompareNames(const PluginDescriptor& found, std::string_view name,
                  std::vector<PluginField>& fields) {
  fields.push_back(
      {"toolchain", Quoted(L2P_TOOLCHAIN), Quoted(found.toolchain),
       found.toolchain != nullptr && std::strcmp(found.toolchain, L2P_TOOLCHAIN) == 0});
  fields.push_back({"kind", AllKinds(), Quoted(found.kind), IsKind(found.kind)});
  const bool same_name = found.name != nullptr && name == found.name;
  fields.push_back({"name",
                    same_name ? "letters a-z and digits"
                              : absl::StrCat("\"", av(name), "\", as the file is called"),
                    Quoted(found.name), same_name && IsNameOf(found.name, "")});
  fields.push_back({"version", "a version", Quoted(found.version),
                    found.version != nullptr && *found.version != '\0'});
  fields.push_back({"open", "a factory", found.open == nullptr ? "nothing" : "a factory",
                    found.open != nullptr});
}

// What is wrong with the schema, if anything is.
std::optional<PluginField> SchemaFault(const PluginDescriptor& found) {
  if (found.settings == nullptr && found.settings_count != 0) {
    return PluginField{"settings", absl::StrCat(found.settings_count, " settings"), "nothing"};
  }
  std::set<std::string> seen;
  for (const SettingSpec& spec : std::span(found.settings, found.settings_count)) {
    if (spec.name == nullptr || !IsNameOf(spec.name, "_.")) {
      return PluginField{"name of a setting", "letters a-z, digits, '_' and '.'",
                         Quoted(spec.name)};
    }
    const std::string setting = absl::StrCat("setting ", spec.name);
    if (spec.fallback == nullptr || spec.allowed == nullptr || spec.help == nullptr) {
      return PluginField{setting, "default, allowed and help", "nothing in one of them"};
    }
    if (!seen.insert(spec.name).second)
      return PluginField{setting, "each setting once", "it twice"};
  }
  return std::nullopt;
}

// dlopen says of a text file "invalid ELF header"; a message of our own spares the author a guess.
absl::Status CheckElf(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return ErrnoStatus(errno, absl::StrCat("open plugin ", path));
  Elf64_Ehdr header = {};
  const ssize_t got = pread(fd, &header, sizeof header, 0);
  close(fd);
  if (got != static_cast<ssize_t>(sizeof header) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("open plugin ", path, ": not an ELF file"));
  }
  if (header.e_type != ET_DYN) {
    return absl::InvalidArgumentError(absl::StrCat("open plugin ", path, ": not a shared object"));
  }
  return absl::OkStatus();
}

// Loads the file for ever; nothing in the descriptor has been checked.
absl::StatusOr<const PluginDescriptor*> LoadDescriptor(const std::string& path) {
  L2P_RETURN_IF_ERROR(CheckPluginFileAccess(path));
  L2P_RETURN_IF_ERROR(CheckElf(path));
  // Without a slash dlopen would search the library path instead.
  const std::string file = path.find('/') == std::string::npos ? "./" + path : path;
  void* const library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("open plugin ", dlerror()));
  }
  const void* const symbol = dlsym(library, "l2p_plugin");
  if (symbol == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("open plugin ", path, ": it exports no l2p_plugin (see L2P_PLUGIN)"));
  }
  return static_cast<const PluginDescriptor*>(symbol);
}

}  // namespace

std::span<const std::string_view> PluginKinds() { return kKinds; }

std::string PluginNameOfFile(std::string_view path) {
  const std::string_view file = path.substr(path.rfind('/') + 1);
  return std::string(file.substr(0, file.find('.')));
}

absl::Status CheckPluginFileAccess(const std::string& path) {
  struct stat file;
  struct stat folder;
  if (stat(path.c_str(), &file) != 0) return ErrnoStatus(errno, absl::StrCat("plugin ", path));
  if (!S_ISREG(file.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat("plugin ", path, ": not a regular file"));
  }
  const std::string parent = FolderOf(path);
  if (stat(parent.c_str(), &folder) != 0) {
    return ErrnoStatus(errno, absl::StrCat("plugin folder ", parent));
  }
  if ((file.st_mode & S_IWOTH) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("plugin ", path, ": refused: everyone may write the file"));
  }
  const bool only_the_owner_replaces_it =
      (folder.st_mode & S_ISVTX) != 0 && (file.st_uid == geteuid() || file.st_uid == 0);
  if ((folder.st_mode & S_IWOTH) != 0 && !only_the_owner_replaces_it) {
    return absl::FailedPreconditionError(
        absl::StrCat("plugin ", path, ": refused: everyone may write the folder ", parent));
  }
  return absl::OkStatus();
}

std::vector<PluginField> ComparePluginDescriptor(const PluginDescriptor& descriptor,
                                                 std::string_view name) {
  std::vector<PluginField> fields;
  if (!CompareLayout(descriptor, fields)) return fields;
  CompareNames(descriptor, name, fields);
  const std::string count = absl::StrCat(descriptor.settings_count, " settings");
  const std::optional<PluginField> fault = SchemaFault(descriptor);
  fields.push_back(fault ? *fault : PluginField{"settings", "a schema", count, true});
  return fields;
}

absl::Status CheckPluginDescriptor(const PluginDescriptor& descriptor, std::string_view name) {
  for (const PluginField& field : ComparePluginDescriptor(descriptor, name)) {
    if (field.fits) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "plugin ", av(name), ": ", field.name, ": wanted ", field.wanted, ", found ", field.found));
  }
  return absl::OkStatus();
}

absl::StatusOr<const PluginDescriptor*> OpenPluginFile(const std::string& path) {
  L2P_ASSIGN_OR_RETURN(const PluginDescriptor* const descriptor, LoadDescriptor(path));
  L2P_RETURN_IF_ERROR(CheckPluginDescriptor(*descriptor, PluginNameOfFile(path)));
  return descriptor;
}

absl::StatusOr<std::vector<PluginField>> ComparePluginFile(const std::string& path) {
  L2P_ASSIGN_OR_RETURN(const PluginDescriptor* const descriptor, LoadDescriptor(path));
  return ComparePluginDescriptor(*descriptor, PluginNameOfFile(path));
}

}  // namespace l2p
