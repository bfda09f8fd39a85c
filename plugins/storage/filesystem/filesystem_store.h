#ifndef L2P_PLUGINS_STORAGE_FILESYSTEM_FILESYSTEM_STORE_H_
#define L2P_PLUGINS_STORAGE_FILESYSTEM_FILESYSTEM_STORE_H_

#include <map>
#include <memory>
#include <optional>
#include <set>

#include "block_file.h"
#include "l2p/block_store.h"
#include "l2p/host.h"
#include "l2p/mutex.h"
#include "write_turn.h"

namespace l2p {

// A file for each block, in 256 folders: to be looked at, copied and mended with any tool. A start
// lists the folders; some 150 bytes of memory a block.
//
// A put writes a file under a number. A sync makes its bytes durable first and then gives it the
// block's name, so whatever bears a name after a power cut is whole.
class FilesystemStore : public BlockStore {
 public:
  // Most ids in one page of Scan, however many are asked for.
  static constexpr size_t kMostPerPage = 4096;

  // Opens the store in the host's folder, or makes one. `host` outlives it.
  static absl::StatusOr<std::unique_ptr<FilesystemStore>> Open(Host& host);

  void Put(std::span<const Block> blocks, std::span<absl::Status> out) override;
  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) override;
  absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out) override;
  void Delete(std::span<const Multihash> ids, std::span<absl::Status> out) override;
  absl::StatusOr<Page> Scan(const std::string& token, size_t most) override;
  StoreUsage Usage() override;
  absl::Status Sync() override;

 private:
  struct Entry {
    uint32_t size = 0;
    uint64_t fresh = 0;       // The number of its file until it is synced; 0: it has its name.
    bool damaged = false;     // A read found other bytes than were written.
    bool distrusted = false;  // A sync failed: what is on the disk is unknown.

    friend bool operator==(const Entry&, const Entry&) = default;
  };

  FilesystemStore(Host& host, Folder& root) : root_(root), turn_(host), syncs_(host) {}

  absl::Status LoadShelf(filesystem::Shelf shelf, Folder& folder);
  absl::StatusOr<std::unique_ptr<Folder>> OpenShelf(filesystem::Shelf shelf);

  std::optional<Entry> Find(const Multihash& id) L2P_EXCLUDES(mutex_);
  // Sets or ends (nullopt) the entry of a block, and the accounts.
  void Set(const Multihash& id, const std::optional<Entry>& entry) L2P_REQUIRES(mutex_);
  // Notes that names in the shelf's folder have changed.
  void Touch(filesystem::Shelf shelf) L2P_EXCLUDES(mutex_);

  absl::Status PutBlock(const Block& block) L2P_EXCLUDES(mutex_);
  absl::StatusOr<Bytes> GetBlock(const Multihash& id) L2P_EXCLUDES(mutex_);
  absl::Status DeleteBlock(const Multihash& id) L2P_EXCLUDES(mutex_);
  absl::StatusOr<uint64_t> WriteFresh(filesystem::Shelf shelf, ByteView body);
  // By the holder of turn_.
  absl::Status RemoveFile(const Multihash& id, const Entry& entry);
  absl::Status Rewrite(const Multihash& id, const Entry& entry);
  absl::Status SyncBlock(const Multihash& id);
  absl::Status SyncFolders();

  Folder& root_;
  // Held while a file's name and its entry change together.
  WriteTurn turn_;
  WriteTurn syncs_;

  Mutex mutex_{"FilesystemStore"};
  std::map<Multihash, Entry> blocks_ L2P_GUARDED_BY(mutex_);  // In order, for Scan.
  std::set<Multihash> fresh_ L2P_GUARDED_BY(mutex_);          // Those that Sync has to do.
  std::set<filesystem::Shelf> touched_ L2P_GUARDED_BY(mutex_);
  uint64_t next_number_ L2P_GUARDED_BY(mutex_) = 1;
  uint64_t bytes_ L2P_GUARDED_BY(mutex_) = 0;       // Of blocks.
  uint64_t disk_bytes_ L2P_GUARDED_BY(mutex_) = 0;  // Of files, in whole pages.
};

}  // namespace l2p

#endif  // L2P_PLUGINS_STORAGE_FILESYSTEM_FILESYSTEM_STORE_H_
