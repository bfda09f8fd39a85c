#include "kernel/loader/registry.h"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "kernel/nearest_name.h"
#include "l2p/plugin_file.h"

namespace l2p {
namespace {

namespace fs = std::filesystem;

// It only has to tell versions of a file apart: SHA-256 comes from a plugin that is not loaded yet,
// and who can forge a plugin's content needs no collision. By words, for it is a part of each
// start.
uint64_t ContentHash(std::string_view content) {
  uint64_t hash = 0xcbf29ce484222325;
  while (!content.empty()) {
    uint64_t word = 0;
    const size_t bytes = std::min(content.size(), sizeof word);
    std::memcpy(&word, content.data(), bytes);
    content.remove_prefix(bytes);
    hash = (hash ^ word) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 32;
  }
  return hash;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary | std::ios::ate);
  std::string content(in ? static_cast<size_t>(in.tellg()) : 0, '\0');
  in.seekg(0);
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (!in) return absl::UnavailableError(absl::StrCat("read plugin ", path));
  return content;
}

// Copies a plugin to <folder>/<name>.<size>-<hash>.so and returns that path.
absl::StatusOr<std::string> CopyByContent(const std::string& path, const std::string& folder) {
  L2P_ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  const std::string copy =
      absl::StrCat(folder, "/", PluginNameOfFile(path), ".", absl::Hex(content.size()), "-",
                   absl::Hex(ContentHash(content), absl::kZeroPad16), ".so");
  std::error_code error;
  if (fs::exists(copy, error)) return copy;
  fs::create_directories(folder, error);
  const std::string part = copy + ".new";
  {
    std::ofstream out(part, std::ios::binary | std::ios::trunc);
    out << content;
    if (!out.flush()) return absl::UnavailableError(absl::StrCat("write ", part));
  }
  fs::permissions(part, fs::perms::owner_all, error);
  fs::rename(part, copy, error);
  if (error) return ErrnoStatus(error.value(), absl::StrCat("rename ", part));
  return copy;
}

}  // namespace

// Copies of an earlier process are of no use; nobody else has this folder.
PluginRegistry::PluginRegistry(Options options) : options_(std::move(options)) {
  if (options_.copies.empty()) return;
  std::error_code ignored;
  fs::remove_all(options_.copies, ignored);
}

absl::StatusOr<const PluginDescriptor*> PluginRegistry::Find(std::string_view kind,
                                                             std::string_view name) {
  for (const PluginDescriptor* linked : options_.linked) {
    if (linked->kind == kind && linked->name == name) return linked;
  }
  const std::map<std::string, std::string> files = FilesOf(kind);
  const auto file = files.find(std::string(name));
  if (file == files.end()) return CheckName(kind, name);
  absl::StatusOr<const PluginDescriptor*> loaded = Load(kind, file->second);
  MutexLock lock(mutex_);
  outcomes_[Key(kind, name)] = loaded.ok()
                                   ? Outcome{.descriptor = *loaded, .refusal = {}}
                                   : Outcome{.refusal = std::string(loaded.status().message())};
  return loaded;
}

std::vector<std::string> PluginRegistry::Names(std::string_view kind) const {
  std::map<std::string, std::string> files = FilesOf(kind);
  for (const PluginDescriptor* linked : options_.linked) {
    if (linked->kind == kind) files[linked->name];
  }
  std::vector<std::string> names;
  for (const auto& [name, path] : files) names.push_back(name);
  return names;
}

std::vector<PluginRegistry::Entry> PluginRegistry::List() const {
  std::map<Key, Entry> entries;
  for (const std::string_view kind : PluginKinds()) {
    for (const auto& [name, path] : FilesOf(kind)) {
      entries[Key(kind, name)] = {.kind = std::string(kind), .name = name, .path = path};
    }
  }
  for (const PluginDescriptor* linked : options_.linked) {
    entries[Key(linked->kind, linked->name)] = {
        .kind = linked->kind, .name = linked->name, .path = {}, .version = linked->version};
  }
  std::vector<Entry> list;
  MutexLock lock(mutex_);
  for (auto& [key, entry] : entries) {
    if (const auto found = outcomes_.find(key); found != outcomes_.end()) {
      const Outcome& outcome = found->second;
      if (outcome.descriptor != nullptr) entry.version = outcome.descriptor->version;
      entry.refusal = outcome.refusal;
    }
    list.push_back(std::move(entry));
  }
  return list;
}

// Name to path.
std::map<std::string, std::string> PluginRegistry::FilesOf(std::string_view kind) const {
  std::map<std::string, std::string> files;
  for (const std::string& path : options_.paths) {
    std::error_code error;
    for (fs::directory_iterator entry(fs::path(path) / kind, error), end; !error && entry != end;
         entry.increment(error)) {
      if (entry->path().extension() != ".so") continue;
      files.emplace(PluginNameOfFile(entry->path().string()), entry->path().string());
    }
  }
  return files;
}

absl::Status PluginRegistry::CheckName(std::string_view kind, std::string_view name) const {
  const std::vector<std::string> names = Names(kind);
  if (std::find(names.begin(), names.end(), name) != names.end()) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("there is no ", av(kind), " plugin '", av(name), "'", DidYouMean(name, names),
                   " (found ", names.empty() ? "none" : absl::StrJoin(names, ", "), " in ",
                   options_.paths.empty() ? "no path" : absl::StrJoin(options_.paths, ", "), ")"));
}

absl::StatusOr<const PluginDescriptor*> PluginRegistry::Load(std::string_view kind,
                                                             const std::string& path) {
  L2P_RETURN_IF_ERROR(CheckPluginFileAccess(path));
  std::string file = path;
  if (!options_.copies.empty()) {
    L2P_ASSIGN_OR_RETURN(file, CopyByContent(path, absl::StrCat(options_.copies, "/", av(kind))));
  }
  const absl::StatusOr<const PluginDescriptor*> opened = OpenPluginFile(file);
  // The message names the copy, which nobody has put there.
  if (absl::IsInvalidArgument(opened.status())) return WithContext(opened.status(), path);
  L2P_ASSIGN_OR_RETURN(const PluginDescriptor* const descriptor, opened);
  if (descriptor->kind != kind) {
    return absl::FailedPreconditionError(
        absl::StrCat("plugin ", path, ": kind: wanted \"", av(kind),
                     "\", as its folder is called, found \"", descriptor->kind, "\""));
  }
  return descriptor;
}

}  // namespace l2p
