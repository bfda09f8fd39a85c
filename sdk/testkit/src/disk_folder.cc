// The File and Folder of a MemoryDisk.
#include "absl/strings/str_cat.h"
#include "disk_device.h"

namespace l2p::testkit {
namespace {

using Effect = DiskDevice::Effect;

absl::Status CheckName(std::string_view name) {
  if (!name.empty() && name != "." && name != ".." &&
      name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", av(name), "\": not the name of one file or folder"));
}

void Unlink(const DiskEntry& entry) {
  if (entry.file != nullptr) entry.file->Unlink();
  if (entry.folder == nullptr) return;
  for (const auto& [name, inner] : entry.folder->now) Unlink(inner);
}

class OpenedFile : public File {
 public:
  OpenedFile(DiskDevice& device, std::shared_ptr<DiskFile> file, std::string path, bool writable,
             uint64_t generation)
      : device_(device),
        file_(std::move(file)),
        path_(std::move(path)),
        writable_(writable),
        generation_(generation) {}

  absl::StatusOr<size_t> Read(uint64_t offset, MutableByteView into) const override {
    MutexLock lock(device_.mutex);
    L2P_RETURN_IF_ERROR(Begin(DiskOp::kRead, "read ").status);
    return file_->Read(offset, into);
  }

  absl::Status Write(uint64_t offset, std::span<const ByteView> parts) override;

  absl::Status Sync() override {
    MutexLock lock(device_.mutex);
    L2P_RETURN_IF_ERROR(Begin(DiskOp::kSync, "sync ").status);
    file_->Sync();
    return absl::OkStatus();
  }

  absl::StatusOr<uint64_t> Size() const override {
    MutexLock lock(device_.mutex);
    L2P_RETURN_IF_ERROR(Begin(DiskOp::kRead, "size of ").status);
    return file_->size();
  }

  absl::Status Resize(uint64_t size) override {
    L2P_RETURN_IF_ERROR(CheckWritable());
    MutexLock lock(device_.mutex);
    const DiskDevice::Verdict verdict = Begin(DiskOp::kWrite, "resize ");
    if (verdict.effect == Effect::kAll) file_->Resize(size);
    return verdict.status;
  }

 private:
  DiskDevice::Verdict Begin(DiskOp op, std::string_view verb) const L2P_REQUIRES(device_.mutex) {
    return device_.Begin(op, generation_, absl::StrCat(av(verb), path_));
  }

  absl::Status CheckWritable() const {
    if (writable_) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat("write ", path_, ": opened for reading"));
  }

  DiskDevice& device_;
  const std::shared_ptr<DiskFile> file_;
  const std::string path_;
  const bool writable_;
  const uint64_t generation_;
};

absl::Status OpenedFile::Write(uint64_t offset, std::span<const ByteView> parts) {
  L2P_RETURN_IF_ERROR(CheckWritable());
  MutexLock lock(device_.mutex);
  const DiskDevice::Verdict verdict = Begin(DiskOp::kWrite, "write ");
  if (verdict.effect == Effect::kNone) return verdict.status;
  for (ByteView part : parts) {
    if (verdict.effect == Effect::kPart) part = part.first(part.size() / 2);
    if (!file_->Write(offset, part)) {
      return absl::ResourceExhaustedError(
          absl::StrCat("write ", path_, ": no space left on the disk"));
    }
    offset += part.size();
    device_.counts.bytes_written += part.size();
    if (verdict.effect == Effect::kPart) break;
  }
  return verdict.status;
}

class OpenedFolder : public Folder {
 public:
  OpenedFolder(DiskDevice& device, std::shared_ptr<DiskFolder> folder, std::string path,
               uint64_t generation)
      : device_(device),
        folder_(std::move(folder)),
        path_(std::move(path)),
        generation_(generation) {}

  absl::StatusOr<std::unique_ptr<File>> Open(std::string_view name, Mode mode) override;
  absl::StatusOr<std::unique_ptr<Folder>> OpenFolder(std::string_view name) override;
  absl::StatusOr<std::vector<std::string>> List() override;
  absl::Status Rename(std::string_view from, std::string_view to) override;
  absl::Status Remove(std::string_view name) override;
  absl::Status Sync() override;
  absl::StatusOr<Space> Free() override;

 private:
  DiskDevice::Verdict Begin(DiskOp op, std::string_view verb, std::string_view name) const
      L2P_REQUIRES(device_.mutex) {
    const bool root = path_.empty();
    return device_.Begin(op, root ? device_.generation : generation_,
                         absl::StrCat(av(verb), PathOf(name)));
  }

  // Begins a change of names and makes it, as far as its fate says.
  absl::Status Change(std::string_view verb, std::string_view name, DiskFolder::Change change)
      L2P_REQUIRES(device_.mutex) {
    const DiskDevice::Verdict verdict = Begin(DiskOp::kName, verb, name);
    if (verdict.effect == Effect::kAll) folder_->Apply(std::move(change));
    return verdict.status;
  }

  absl::Status Missing(std::string_view verb, std::string_view name) const {
    return absl::NotFoundError(absl::StrCat(av(verb), PathOf(name), ": no such file or folder"));
  }

  std::string PathOf(std::string_view name) const { return absl::StrCat(path_, "/", av(name)); }

  DiskDevice& device_;
  const std::shared_ptr<DiskFolder> folder_;
  const std::string path_;
  const uint64_t generation_;
};

absl::StatusOr<std::unique_ptr<File>> OpenedFolder::Open(std::string_view name, Mode mode) {
  L2P_RETURN_IF_ERROR(CheckName(name));
  MutexLock lock(device_.mutex);
  std::shared_ptr<DiskFile> file;
  const auto found = folder_->now.find(name);
  if (found == folder_->now.end()) {
    if (mode == Mode::kRead || mode == Mode::kWrite) {
      L2P_RETURN_IF_ERROR(Begin(DiskOp::kRead, "open ", name).status);
      return Missing("open ", name);
    }
    file = std::make_shared<DiskFile>(device_.space);
    L2P_RETURN_IF_ERROR(Change("create ", name, {"", std::string(name), {file, nullptr}}));
  } else {
    L2P_RETURN_IF_ERROR(Begin(DiskOp::kRead, "open ", name).status);
    if (mode == Mode::kNew) {
      return absl::AlreadyExistsError(absl::StrCat("create ", PathOf(name), ": it exists"));
    }
    file = found->second.file;
    if (file == nullptr) {
      return absl::FailedPreconditionError(absl::StrCat("open ", PathOf(name), ": is a folder"));
    }
  }
  return std::make_unique<OpenedFile>(device_, std::move(file), PathOf(name), mode != Mode::kRead,
                                      device_.generation);
}

absl::StatusOr<std::unique_ptr<Folder>> OpenedFolder::OpenFolder(std::string_view name) {
  L2P_RETURN_IF_ERROR(CheckName(name));
  MutexLock lock(device_.mutex);
  std::shared_ptr<DiskFolder> folder;
  const auto found = folder_->now.find(name);
  if (found == folder_->now.end()) {
    folder = std::make_shared<DiskFolder>();
    L2P_RETURN_IF_ERROR(Change("create ", name, {"", std::string(name), {nullptr, folder}}));
  } else {
    L2P_RETURN_IF_ERROR(Begin(DiskOp::kRead, "open ", name).status);
    folder = found->second.folder;
    if (folder == nullptr) {
      return absl::FailedPreconditionError(
          absl::StrCat("open ", PathOf(name), ": is not a folder"));
    }
  }
  return OpenDiskFolder(device_, std::move(folder), PathOf(name), device_.generation);
}

absl::StatusOr<std::vector<std::string>> OpenedFolder::List() {
  MutexLock lock(device_.mutex);
  L2P_RETURN_IF_ERROR(Begin(DiskOp::kRead, "list ", "").status);
  std::vector<std::string> names;
  for (const auto& [name, entry] : folder_->now) names.push_back(name);
  return names;
}

absl::Status OpenedFolder::Rename(std::string_view from, std::string_view to) {
  L2P_RETURN_IF_ERROR(CheckName(from));
  L2P_RETURN_IF_ERROR(CheckName(to));
  MutexLock lock(device_.mutex);
  const auto found = folder_->now.find(from);
  if (found == folder_->now.end()) return Missing("rename ", from);
  const auto replaced = folder_->now.find(to);
  if (replaced != folder_->now.end() && replaced->second.folder != nullptr && from != to) {
    return absl::FailedPreconditionError(
        absl::StrCat("rename ", PathOf(from), " to ", av(to), ": there is a folder"));
  }
  const DiskEntry old =
      replaced == folder_->now.end() || from == to ? DiskEntry{} : replaced->second;
  L2P_RETURN_IF_ERROR(Change("rename ", from, {std::string(from), std::string(to), found->second}));
  Unlink(old);
  return absl::OkStatus();
}

absl::Status OpenedFolder::Remove(std::string_view name) {
  L2P_RETURN_IF_ERROR(CheckName(name));
  MutexLock lock(device_.mutex);
  const auto found = folder_->now.find(name);
  if (found == folder_->now.end()) return Missing("remove ", name);
  const DiskEntry old = found->second;
  L2P_RETURN_IF_ERROR(Change("remove ", name, {std::string(name), "", {}}));
  Unlink(old);
  return absl::OkStatus();
}

absl::Status OpenedFolder::Sync() {
  MutexLock lock(device_.mutex);
  L2P_RETURN_IF_ERROR(Begin(DiskOp::kFolderSync, "sync ", "").status);
  folder_->synced = folder_->now;
  folder_->unsynced.clear();
  return absl::OkStatus();
}

absl::StatusOr<Folder::Space> OpenedFolder::Free() {
  MutexLock lock(device_.mutex);
  L2P_RETURN_IF_ERROR(Begin(DiskOp::kRead, "free space of ", "").status);
  const DiskSpace space = device_.space;
  return Space{space.capacity - std::min(space.used, space.capacity), space.capacity};
}

}  // namespace

std::unique_ptr<Folder> OpenDiskFolder(DiskDevice& device, std::shared_ptr<DiskFolder> folder,
                                       std::string path, uint64_t generation) {
  return std::make_unique<OpenedFolder>(device, std::move(folder), std::move(path), generation);
}

}  // namespace l2p::testkit
