#ifndef L2P_PLUGINS_STORAGE_SQLITE_SQLITE_STORE_H_
#define L2P_PLUGINS_STORAGE_SQLITE_SQLITE_STORE_H_

#include <Poco/Data/Session.h>

#include <functional>
#include <memory>
#include <set>

#include "l2p/block_store.h"
#include "l2p/host.h"
#include "l2p/mutex.h"
#include "write_turn.h"

namespace l2p {

// Blocks in one SQLite database: for nodes of many small blocks whose store others query or copy.
// A batch is one transaction. It opens its file itself, so it does not run in the simulator.
class SqliteStore : public BlockStore {
 public:
  // Most ids in one page of Scan, however many are asked for.
  static constexpr size_t kMostPerPage = 4096;

  // Opens the database in the host's folder, or makes one. `host` outlives it. Unimplemented where
  // the folder has no path.
  static absl::StatusOr<std::unique_ptr<SqliteStore>> Open(Host& host);

  void Put(std::span<const Block> blocks, std::span<absl::Status> out) override;
  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) override;
  absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out) override;
  void Delete(std::span<const Multihash> ids, std::span<absl::Status> out) override;
  absl::StatusOr<Page> Scan(const std::string& token, size_t most) override;
  StoreUsage Usage() override;
  absl::Status Sync() override;

 private:
  SqliteStore(Host& host, Folder& folder) : folder_(folder), read_turn_(host), write_turn_(host) {}

  absl::Status Connect(const std::string& path);
  // Calls `work` in a transaction of the writer, which is undone when it throws.
  absl::Status Transact(std::string_view what, const std::function<void()>& work);
  // By the holder of write_turn_, in a transaction; what they change is added to `change`.
  void PutBlock(const Block& block, StoreUsage& change);
  void DeleteBlock(const Multihash& id, StoreUsage& change);
  absl::StatusOr<Bytes> GetBlock(const Multihash& id);
  // By the holder of write_turn_: counts what a transaction changed, and the files.
  void Count(const StoreUsage& change) L2P_EXCLUDES(mutex_);
  void GiveBackSpace();
  bool IsDamaged(const Multihash& id) L2P_EXCLUDES(mutex_);

  Folder& folder_;
  WriteTurn read_turn_;   // Of reader_.
  WriteTurn write_turn_;  // Of writer_.
  // Two connections, so that reads do not wait for a transaction's disk.
  std::unique_ptr<Poco::Data::Session> writer_;
  std::unique_ptr<Poco::Data::Session> reader_;

  Mutex mutex_{"SqliteStore"};
  StoreUsage usage_ L2P_GUARDED_BY(mutex_);
  std::set<Multihash> damaged_ L2P_GUARDED_BY(mutex_);  // Found by Get; stored anew when put.
};

}  // namespace l2p

#endif  // L2P_PLUGINS_STORAGE_SQLITE_SQLITE_STORE_H_
