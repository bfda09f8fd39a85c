#include "kernel/admin/tar.h"

#include <dlfcn.h>
#include <limits.h>

#include <algorithm>
#include <array>
#include <vector>

#include "absl/strings/str_cat.h"
#include "kernel/admin/tar_format.h"
#include "l2p/api.h"

namespace l2p {
namespace {

constexpr size_t kBufferBytes = 256 * 1024;
constexpr const char kLibrary[] = "libl2p-tar.so";

// Where this program's libraries are. (AddressSanitizer's dlopen does not look there by itself.)
std::string LibraryFolder() {
  void* const sdk = dlopen("libl2p-sdk.so", RTLD_NOW | RTLD_NOLOAD);
  std::array<char, PATH_MAX> folder{};
  if (sdk != nullptr) dlinfo(sdk, RTLD_DI_ORIGIN, folder.data());
  return folder.data();
}

absl::StatusOr<const TarFormat*> Load() {
  const std::string path = absl::StrCat(LibraryFolder(), "/", kLibrary);
  // It stays for as long as the process does.
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* const symbol = library == nullptr ? nullptr : dlsym(library, "l2p_tar_format");
  if (symbol == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("tar cannot be read or written here: ", dlerror(), "; install l2p again"));
  }
  const TarFormat* const format = reinterpret_cast<decltype(&l2p_tar_format)>(symbol)();
  if (std::string_view(format->version) != kVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("tar cannot be read or written here: ", path, " is of version ",
                     format->version, ", this program of ", kVersion, "; start it again"));
  }
  return format;
}

absl::StatusOr<const TarFormat*> Format() {
  static const absl::StatusOr<const TarFormat*> format = Load();
  return format;
}

constexpr size_t kMaxDepth = 256;

struct Pending {
  std::string path;
  Cid id;
  size_t depth;
};

absl::Status WriteEntry(BlockSource& source, TarWriter& tar, const Pending& item, bool is_top,
                        std::vector<Pending>& pending, Time deadline) {
  if (item.depth > kMaxDepth) {
    return absl::ResourceExhaustedError(
        absl::StrCat(item.path, ": folders are more than ", kMaxDepth, " deep"));
  }
  L2P_ASSIGN_OR_RETURN(const Stat stat, StatOf(source, item.id, deadline));
  switch (stat.type) {
    case Stat::Type::kLink:
      return tar.Header(item.path, S_IFLNK, 0, stat.target);
    case Stat::Type::kFile:
      L2P_RETURN_IF_ERROR(tar.Header(item.path, S_IFREG, stat.size, ""));
      if (stat.size == 0) return absl::OkStatus();
      return ReadRange(
          source, item.id, 0, stat.size - 1, [&](const Bytes& data) { return tar.Data(data); },
          deadline);
    case Stat::Type::kFolder:
      break;
  }
  if (!is_top) L2P_RETURN_IF_ERROR(tar.Header(item.path + "/", S_IFDIR, 0, ""));
  const size_t before = pending.size();
  L2P_RETURN_IF_ERROR(List(
      source, item.id,
      [&](const ListedEntry& entry) {
        pending.push_back({item.path.empty() ? entry.name : item.path + "/" + entry.name, entry.id,
                           item.depth + 1});
        return absl::OkStatus();
      },
      deadline));
  std::reverse(pending.begin() + static_cast<ptrdiff_t>(before), pending.end());
  return absl::OkStatus();
}

}  // namespace

absl::Status LoadTar() { return Format().status(); }

absl::StatusOr<std::unique_ptr<Input>> OpenTarInput(std::istream& in) {
  L2P_ASSIGN_OR_RETURN(const TarFormat* const format, Format());
  return format->open_input(in);
}

absl::Status WriteTar(BlockSource& source, const Cid& id, std::ostream& out, Time deadline) {
  L2P_ASSIGN_OR_RETURN(const TarFormat* const format, Format());
  const std::unique_ptr<TarWriter> tar = format->open_writer(out);
  std::vector<Pending> pending{{"", id, 0}};
  for (bool is_top = true; !pending.empty(); is_top = false) {
    const Pending item = std::move(pending.back());
    pending.pop_back();
    if (absl::Status status = WriteEntry(source, *tar, item, is_top, pending, deadline);
        !status.ok()) {
      tar->Abandon();
      return status;
    }
  }
  return tar->Close();
}

absl::Status WriteTar(Input& input, std::ostream& out) {
  L2P_ASSIGN_OR_RETURN(const TarFormat* const format, Format());
  const std::unique_ptr<TarWriter> tar = format->open_writer(out);
  std::vector<uint8_t> buffer(kBufferBytes);
  for (;;) {
    L2P_ASSIGN_OR_RETURN(const std::optional<Input::Entry> entry, input.Next());
    if (!entry) return tar->Close();
    if (entry->path.empty()) continue;
    if (entry->type == Input::Entry::Type::kFolder) {
      L2P_RETURN_IF_ERROR(tar->Header(entry->path + "/", S_IFDIR, 0, ""));
      continue;
    }
    if (entry->type == Input::Entry::Type::kLink) {
      L2P_RETURN_IF_ERROR(tar->Header(entry->path, S_IFLNK, 0, entry->target));
      continue;
    }
    L2P_RETURN_IF_ERROR(tar->Header(entry->path, S_IFREG, entry->size, ""));
    for (uint64_t left = entry->size; left > 0;) {
      L2P_ASSIGN_OR_RETURN(const size_t got,
                           input.Read({buffer.data(), std::min<uint64_t>(left, buffer.size())}));
      if (got == 0) {
        return absl::AbortedError(absl::StrCat(entry->path, ": became shorter while it was read"));
      }
      L2P_RETURN_IF_ERROR(tar->Data({buffer.data(), got}));
      left -= got;
    }
  }
}

}  // namespace l2p
