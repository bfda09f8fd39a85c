#include "filesystem_store.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

using filesystem::Shelf;

constexpr uint64_t kPage = 4096;

uint64_t DiskBytesOf(uint64_t size) {
  return (size + filesystem::kTrailer + kPage - 1) / kPage * kPage;
}

std::string FileOf(const Multihash& id, uint32_t size, uint64_t fresh) {
  return fresh == 0 ? filesystem::NameOf(id, size) : filesystem::FreshName(fresh);
}

bool IsDigit(const std::string& name) {
  return name.size() == 1 && std::string_view(filesystem::kDigits).find(name) != std::string::npos;
}

absl::Status NotHere(const Multihash& id) {
  return absl::NotFoundError(absl::StrCat("block ", id.ToString(), ": no file"));
}

}  // namespace

absl::StatusOr<std::unique_ptr<FilesystemStore>> FilesystemStore::Open(Host& host) {
  L2P_ASSIGN_OR_RETURN(Folder* const root, host.folder());
  std::unique_ptr<FilesystemStore> store(new FilesystemStore(host, *root));
  L2P_ASSIGN_OR_RETURN(const std::vector<std::string> outer_names, root->List());
  for (const std::string& outer_name : outer_names) {
    if (!IsDigit(outer_name)) continue;
    L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Folder> outer, root->OpenFolder(outer_name));
    L2P_ASSIGN_OR_RETURN(const std::vector<std::string> inner_names, outer->List());
    for (const std::string& inner_name : inner_names) {
      if (!IsDigit(inner_name)) continue;
      L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Folder> inner, outer->OpenFolder(inner_name));
      L2P_RETURN_IF_ERROR(store->LoadShelf({outer_name[0], inner_name[0]}, *inner));
    }
  }
  return store;
}

absl::Status FilesystemStore::LoadShelf(Shelf shelf, Folder& folder) {
  L2P_ASSIGN_OR_RETURN(const std::vector<std::string> names, folder.List());
  bool removed = false;
  for (const std::string& name : names) {
    if (filesystem::IsFreshName(name)) {
      L2P_RETURN_IF_ERROR(folder.Remove(name));
      removed = true;
      continue;
    }
    const std::optional<filesystem::NamedBlock> block = filesystem::ParseName(name);
    if (!block || filesystem::ShelfOf(block->id) != shelf) continue;
    MutexLock lock(mutex_);
    Set(block->id, Entry{.size = block->size});
  }
  // Their numbers are given again: the old files must not come back under them.
  return removed ? folder.Sync() : absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Folder>> FilesystemStore::OpenShelf(Shelf shelf) {
  L2P_ASSIGN_OR_RETURN(const auto outer, root_.OpenFolder(std::string_view(&shelf.outer, 1)));
  return outer->OpenFolder(std::string_view(&shelf.inner, 1));
}

std::optional<FilesystemStore::Entry> FilesystemStore::Find(const Multihash& id) {
  MutexLock lock(mutex_);
  const auto found = blocks_.find(id);
  return found == blocks_.end() ? std::nullopt : std::optional(found->second);
}

void FilesystemStore::Set(const Multihash& id, const std::optional<Entry>& entry) {
  if (const auto old = blocks_.find(id); old != blocks_.end()) {
    bytes_ -= old->second.size;
    disk_bytes_ -= DiskBytesOf(old->second.size);
    if (!entry) blocks_.erase(old);
  }
  fresh_.erase(id);
  if (!entry) return;
  bytes_ += entry->size;
  disk_bytes_ += DiskBytesOf(entry->size);
  if (entry->fresh != 0) fresh_.insert(id);
  blocks_[id] = *entry;
}

void FilesystemStore::Touch(Shelf shelf) {
  MutexLock lock(mutex_);
  touched_.insert(shelf);
}

void FilesystemStore::Put(std::span<const Block> blocks, std::span<absl::Status> out) {
  for (size_t i = 0; i < blocks.size(); ++i) out[i] = PutBlock(blocks[i]);
}

absl::StatusOr<uint64_t> FilesystemStore::WriteFresh(Shelf shelf, ByteView body) {
  uint64_t number;
  {
    MutexLock lock(mutex_);
    number = next_number_++;
  }
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Folder> folder, OpenShelf(shelf));
  // Before the file is there: a folder may be new, and its name durable only after a sync.
  Touch(shelf);
  L2P_RETURN_IF_ERROR(filesystem::WriteBlockFile(*folder, filesystem::FreshName(number), body));
  return number;
}

absl::Status FilesystemStore::PutBlock(const Block& block) {
  if (block.id.empty() || block.id.bytes().size() > filesystem::kMaxId ||
      block.data.size() > kMaxBlock) {
    return absl::InvalidArgumentError(absl::StrCat("put block: an id of ", block.id.bytes().size(),
                                                   " and ", block.data.size(), " bytes"));
  }
  if (const auto now = Find(block.id); now && !now->damaged) return absl::OkStatus();
  L2P_ASSIGN_OR_RETURN(const uint64_t number,
                       WriteFresh(filesystem::ShelfOf(block.id), block.data));
  const Entry fresh = {.size = static_cast<uint32_t>(block.data.size()), .fresh = number};
  const HoldTurn turn(turn_);
  const std::optional<Entry> now = Find(block.id);
  if (now && !now->damaged) {
    // Another put was sooner; if our file stays, the next start removes it.
    RemoveFile(block.id, fresh).IgnoreError();
    return absl::OkStatus();
  }
  if (now) L2P_RETURN_IF_ERROR(RemoveFile(block.id, *now));
  MutexLock lock(mutex_);
  Set(block.id, fresh);
  return absl::OkStatus();
}

absl::Status FilesystemStore::RemoveFile(const Multihash& id, const Entry& entry) {
  const Shelf shelf = filesystem::ShelfOf(id);
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Folder> folder, OpenShelf(shelf));
  const absl::Status removed = folder->Remove(FileOf(id, entry.size, entry.fresh));
  Touch(shelf);
  return absl::IsNotFound(removed) ? absl::OkStatus() : removed;
}

void FilesystemStore::Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) {
  for (size_t i = 0; i < ids.size(); ++i) out[i] = GetBlock(ids[i]);
}

absl::StatusOr<Bytes> FilesystemStore::GetBlock(const Multihash& id) {
  const auto read = [&](const Entry& entry) -> absl::StatusOr<Bytes> {
    L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Folder> folder, OpenShelf(filesystem::ShelfOf(id)));
    return filesystem::ReadBlockFile(*folder, FileOf(id, entry.size, entry.fresh), entry.size);
  };
  std::optional<Entry> entry = Find(id);
  if (!entry) return NotHere(id);
  absl::StatusOr<Bytes> block = read(*entry);
  if (absl::IsNotFound(block.status())) {
    // Renamed or deleted at this moment, or gone without us: in our turn it is one or the other.
    const HoldTurn turn(turn_);
    entry = Find(id);
    if (!entry) return NotHere(id);
    block = read(*entry);
    if (absl::IsNotFound(block.status())) block = absl::DataLossError("its file is gone");
  }
  if (absl::IsDataLoss(block.status())) {
    MutexLock lock(mutex_);
    const auto found = blocks_.find(id);
    if (found != blocks_.end() && found->second == *entry) found->second.damaged = true;
  }
  return block.ok() ? block : WithContext(block.status(), absl::StrCat("block ", id.ToString()));
}

absl::Status FilesystemStore::Has(std::span<const Multihash> ids, std::span<int64_t> out) {
  for (size_t i = 0; i < ids.size(); ++i) {
    const std::optional<Entry> entry = Find(ids[i]);
    out[i] = entry ? static_cast<int64_t>(entry->size) : -1;
  }
  return absl::OkStatus();
}

void FilesystemStore::Delete(std::span<const Multihash> ids, std::span<absl::Status> out) {
  for (size_t i = 0; i < ids.size(); ++i) out[i] = DeleteBlock(ids[i]);
}

absl::Status FilesystemStore::DeleteBlock(const Multihash& id) {
  const HoldTurn turn(turn_);
  const std::optional<Entry> entry = Find(id);
  if (!entry) return absl::OkStatus();
  L2P_RETURN_IF_ERROR(RemoveFile(id, *entry));
  MutexLock lock(mutex_);
  Set(id, std::nullopt);
  return absl::OkStatus();
}

absl::StatusOr<BlockStore::Page> FilesystemStore::Scan(const std::string& token, size_t most) {
  Multihash after;
  if (!token.empty()) {
    absl::StatusOr<Multihash> parsed = Multihash::FromBinary(AsBytes(token));
    if (!parsed.ok()) return WithContext(parsed.status(), "scan token");
    after = *std::move(parsed);
  }
  if (most == 0) return absl::InvalidArgumentError("scan: a page of no ids");
  most = std::min(most, kMostPerPage);
  Page page;
  MutexLock lock(mutex_);
  auto next = token.empty() ? blocks_.begin() : blocks_.upper_bound(after);
  for (; next != blocks_.end() && page.ids.size() < most; ++next) page.ids.push_back(next->first);
  if (next != blocks_.end()) page.token = page.ids.back().bytes();
  return page;
}

BlockStore::StoreUsage FilesystemStore::Usage() {
  MutexLock lock(mutex_);
  return {.blocks = blocks_.size(), .bytes = bytes_, .disk_bytes = disk_bytes_, .durable = true};
}

absl::Status FilesystemStore::Sync() {
  const HoldTurn one_at_a_time(syncs_);
  std::vector<Multihash> fresh;
  {
    MutexLock lock(mutex_);
    fresh.assign(fresh_.begin(), fresh_.end());
  }
  absl::Status worst;
  for (const Multihash& id : fresh) worst.Update(SyncBlock(id));
  worst.Update(SyncFolders());
  return worst;
}

absl::Status FilesystemStore::SyncBlock(const Multihash& id) {
  std::optional<Entry> entry = Find(id);
  if (!entry || entry->fresh == 0) return absl::OkStatus();
  if (entry->distrusted) {
    L2P_RETURN_IF_ERROR(Rewrite(id, *entry));
    entry = Find(id);
    if (!entry || entry->fresh == 0) return absl::OkStatus();
  }
  const Shelf shelf = filesystem::ShelfOf(id);
  const std::string fresh_name = filesystem::FreshName(entry->fresh);
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Folder> folder, OpenShelf(shelf));
  const auto file = folder->Open(fresh_name, Folder::Mode::kWrite);
  const absl::Status synced = file.ok() ? (*file)->Sync() : file.status();
  const HoldTurn turn(turn_);
  const std::optional<Entry> now = Find(id);
  // Deleted meanwhile, or put anew because it was damaged: then that put is not ours to sync.
  if (!now || now->fresh != entry->fresh) return absl::OkStatus();
  Entry next = *now;
  next.distrusted = !synced.ok();
  absl::Status renamed;
  if (synced.ok()) renamed = folder->Rename(fresh_name, filesystem::NameOf(id, now->size));
  if (synced.ok() && renamed.ok()) next.fresh = 0;
  Touch(shelf);
  MutexLock lock(mutex_);
  Set(id, next);
  return synced.ok() ? renamed : synced;
}

absl::Status FilesystemStore::Rewrite(const Multihash& id, const Entry& entry) {
  L2P_ASSIGN_OR_RETURN(const Bytes body, GetBlock(id));
  L2P_ASSIGN_OR_RETURN(const uint64_t number, WriteFresh(filesystem::ShelfOf(id), body));
  const Entry rewritten = {.size = entry.size, .fresh = number};
  const HoldTurn turn(turn_);
  const std::optional<Entry> now = Find(id);
  if (!now || now->fresh != entry.fresh) return RemoveFile(id, rewritten);
  L2P_RETURN_IF_ERROR(RemoveFile(id, *now));
  MutexLock lock(mutex_);
  Set(id, rewritten);
  return absl::OkStatus();
}

absl::Status FilesystemStore::SyncFolders() {
  std::set<Shelf> touched;
  {
    MutexLock lock(mutex_);
    touched.swap(touched_);
  }
  if (touched.empty()) return absl::OkStatus();
  const auto sync_all = [&]() -> absl::Status {
    std::set<char> outer_names;
    for (const Shelf& shelf : touched) {
      L2P_ASSIGN_OR_RETURN(const std::unique_ptr<Folder> folder, OpenShelf(shelf));
      L2P_RETURN_IF_ERROR(folder->Sync());
      outer_names.insert(shelf.outer);
    }
    for (const char name : outer_names) {
      L2P_ASSIGN_OR_RETURN(const auto outer, root_.OpenFolder(std::string_view(&name, 1)));
      L2P_RETURN_IF_ERROR(outer->Sync());
    }
    return root_.Sync();
  };
  const absl::Status synced = sync_all();
  if (synced.ok()) return synced;
  MutexLock lock(mutex_);
  touched_.merge(touched);
  return synced;
}

}  // namespace l2p
