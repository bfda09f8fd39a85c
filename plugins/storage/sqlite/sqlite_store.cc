// The schema:
//   block(id, size, crc, place)  the multihash, and of its body the bytes and CRC-32C
//   body(place, bytes)           apart, so that listing and counting read little
//   synced(number)               changed by Sync alone
//
// The log is not synced with each transaction (synchronous = NORMAL): a power cut undoes the last
// ones, whole. Sync commits one that is (FULL), and with it the log before it.
#include "sqlite_store.h"

#include <Poco/Data/LOB.h>
#include <Poco/Data/SQLite/Connector.h>
#include <Poco/Data/SQLite/SQLiteException.h>
#include <Poco/Data/SQLite/Utility.h>
#include <Poco/Data/Statement.h>
#include <sqlite3.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "crc32c.h"
#include "l2p/folder_path.h"

namespace l2p {
namespace {

using Poco::Data::BLOB;
using Poco::Data::Keywords::into;
using Poco::Data::Keywords::now;
using Poco::Data::Keywords::use;

constexpr char kFile[] = "blocks.db";
constexpr char kLog[] = "blocks.db-wal";
constexpr size_t kMaxId = 131;  // Of a digest of 128 bytes.

// Pages for blocks rather than rows, space that can be given back (both hold from the making of
// the file on), and a log of 16 MiB before it is worked in.
constexpr const char* kPragmas[] = {
    "PRAGMA page_size = 16384",         "PRAGMA auto_vacuum = INCREMENTAL",
    "PRAGMA journal_mode = WAL",        "PRAGMA synchronous = NORMAL",
    "PRAGMA wal_autocheckpoint = 1024", "PRAGMA journal_size_limit = 16777216",
};
constexpr const char* kTables[] = {
    ("CREATE TABLE IF NOT EXISTS block (id BLOB PRIMARY KEY, size INTEGER NOT NULL,"
     " crc INTEGER NOT NULL, place INTEGER NOT NULL) WITHOUT ROWID"),
    "CREATE TABLE IF NOT EXISTS body (place INTEGER PRIMARY KEY, bytes BLOB NOT NULL)",
    "CREATE TABLE IF NOT EXISTS synced (number INTEGER NOT NULL)",
    "INSERT INTO synced SELECT 0 WHERE NOT EXISTS (SELECT 1 FROM synced)",
};

// Poco binds an empty BLOB as NULL, hence every ifnull(?, x'').
BLOB ToBlob(ByteView bytes) { return BLOB(bytes.data(), bytes.size()); }

template <typename Call>
absl::Status TryDatabase(std::string_view what, Call call) {
  try {
    call();
    return absl::OkStatus();
  } catch (const Poco::Data::SQLite::DatabaseFullException&) {
    return absl::ResourceExhaustedError(absl::StrCat(av(what), ": the disk is full"));
  } catch (const Poco::Data::SQLite::CorruptImageException& error) {
    return absl::DataLossError(absl::StrCat(av(what), ": ", error.displayText()));
  } catch (const Poco::Exception& error) {
    return absl::UnavailableError(absl::StrCat(av(what), ": ", error.displayText()));
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat(av(what), ": ", error.what()));
  }
}

int64_t NumberOf(Poco::Data::Session& session, const std::string& query) {
  Poco::Int64 number = 0;
  session << query, into(number), now;
  return number;
}

uint64_t SizeOf(Folder& folder, const char* name) {
  const auto file = folder.Open(name, Folder::Mode::kRead);
  return file.ok() ? (*file)->Size().value_or(0) : 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<SqliteStore>> SqliteStore::Open(Host& host) {
  const auto* const place = static_cast<FolderPath*>(host.Query(FolderPath::kAbility));
  if (place == nullptr) {
    return absl::UnimplementedError("sqlite: this host's folder is not in a file system");
  }
  L2P_ASSIGN_OR_RETURN(Folder* const folder, host.folder());
  // Made here, as SQLite would let others read it; its log takes over the mode.
  L2P_RETURN_IF_ERROR(folder->Open(kFile, Folder::Mode::kCreate).status());
  L2P_RETURN_IF_ERROR(folder->Sync());
  std::unique_ptr<SqliteStore> store(new SqliteStore(host, *folder));
  L2P_RETURN_IF_ERROR(store->Connect(absl::StrCat(place->path(), "/", kFile)));
  return store;
}

absl::Status SqliteStore::Connect(const std::string& path) {
  return TryDatabase(absl::StrCat("open ", path), [&] {
    Poco::Data::SQLite::Connector::registerConnector();
    writer_ = std::make_unique<Poco::Data::Session>("SQLite", path);
    for (const char* pragma : kPragmas) *writer_ << pragma, now;
    for (const char* table : kTables) *writer_ << table, now;
    reader_ = std::make_unique<Poco::Data::Session>("SQLite", path);
    StoreUsage found;
    found.blocks = NumberOf(*writer_, "SELECT count(*) FROM block");
    found.bytes = NumberOf(*writer_, "SELECT ifnull(sum(size), 0) FROM block");
    Count(found);
  });
}

absl::Status SqliteStore::Transact(std::string_view what, const std::function<void()>& work) {
  return TryDatabase(what, [&] {
    writer_->begin();
    try {
      work();
      writer_->commit();
    } catch (...) {
      // SQLite may have rolled back by itself (a full disk), which makes this throw as well.
      if (writer_->isTransaction()) {
        TryDatabase("roll back", [&] { writer_->rollback(); }).IgnoreError();
      }
      throw;
    }
  });
}

void SqliteStore::Count(const StoreUsage& change) {
  const uint64_t disk = SizeOf(folder_, kFile) + SizeOf(folder_, kLog);
  MutexLock lock(mutex_);
  // A change downwards is a number that wraps round to the right sum.
  usage_.blocks += change.blocks;
  usage_.bytes += change.bytes;
  usage_.disk_bytes = disk;
}

bool SqliteStore::IsDamaged(const Multihash& id) {
  MutexLock lock(mutex_);
  return damaged_.contains(id);
}

void SqliteStore::Put(std::span<const Block> blocks, std::span<absl::Status> out) {
  std::vector<size_t> places;
  for (size_t i = 0; i < blocks.size(); ++i) {
    out[i] = absl::OkStatus();
    const size_t id_size = blocks[i].id.bytes().size();
    if (id_size == 0 || id_size > kMaxId || blocks[i].data.size() > kMaxBlock) {
      out[i] = absl::InvalidArgumentError(
          absl::StrCat("put block: an id of ", id_size, " and ", blocks[i].data.size(), " bytes"));
    } else {
      places.push_back(i);
    }
  }
  const HoldTurn turn(write_turn_);
  StoreUsage change;
  const absl::Status status = Transact("put blocks", [&] {
    for (const size_t i : places) PutBlock(blocks[i], change);
  });
  for (const size_t i : places) out[i] = status;
  if (!status.ok()) return;
  Count(change);
  MutexLock lock(mutex_);
  for (const size_t i : places) damaged_.erase(blocks[i].id);
}

void SqliteStore::PutBlock(const Block& block, StoreUsage& change) {
  if (IsDamaged(block.id)) DeleteBlock(block.id, change);
  BLOB id = ToBlob(block.id.binary());
  int present = 0;
  *writer_ << "SELECT count(*) FROM block WHERE id = ?", into(present), use(id), now;
  if (present != 0) return;
  BLOB bytes = ToBlob(block.data);
  Poco::Int64 size = static_cast<Poco::Int64>(block.data.size());
  Poco::Int64 crc = Crc32c(block.data);
  *writer_ << "INSERT INTO body (bytes) VALUES (ifnull(?, x''))", use(bytes), now;
  *writer_ << "INSERT INTO block VALUES (?, ?, ?, last_insert_rowid())", use(id), use(size),
      use(crc), now;
  change.blocks += 1;
  change.bytes += block.data.size();
}

void SqliteStore::Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) {
  for (size_t i = 0; i < ids.size(); ++i) out[i] = GetBlock(ids[i]);
}

absl::StatusOr<Bytes> SqliteStore::GetBlock(const Multihash& id) {
  BLOB key = ToBlob(id.binary());
  std::vector<Poco::Int64> crcs;
  std::vector<BLOB> bodies;
  {
    const HoldTurn turn(read_turn_);
    L2P_RETURN_IF_ERROR(TryDatabase(absl::StrCat("block ", id.ToString()), [&] {
      *reader_ << "SELECT crc, bytes FROM block JOIN body USING (place) WHERE id = ?", into(crcs),
          into(bodies), use(key), now;
    }));
  }
  if (bodies.empty()) {
    return absl::NotFoundError(absl::StrCat("block ", id.ToString(), ": not in the database"));
  }
  // The row's own memory is what is lent on.
  const auto body = std::make_shared<const BLOB>(std::move(bodies[0]));
  Bytes bytes(body, {body->rawContent(), body->size()});
  if (int64_t{Crc32c(bytes)} == crcs[0]) return bytes;
  MutexLock lock(mutex_);
  damaged_.insert(id);
  return absl::DataLossError(absl::StrCat("block ", id.ToString(), ": damaged row"));
}

absl::Status SqliteStore::Has(std::span<const Multihash> ids, std::span<int64_t> out) {
  const HoldTurn turn(read_turn_);
  return TryDatabase("look for blocks", [&] {
    for (size_t i = 0; i < ids.size(); ++i) {
      BLOB id = ToBlob(ids[i].binary());
      std::vector<Poco::Int64> sizes;
      *reader_ << "SELECT size FROM block WHERE id = ?", into(sizes), use(id), now;
      out[i] = sizes.empty() ? -1 : sizes[0];
    }
  });
}

void SqliteStore::Delete(std::span<const Multihash> ids, std::span<absl::Status> out) {
  const HoldTurn turn(write_turn_);
  StoreUsage change;
  const absl::Status status = Transact("delete blocks", [&] {
    for (const Multihash& id : ids) DeleteBlock(id, change);
  });
  std::fill(out.begin(), out.end(), status);
  if (!status.ok()) return;
  GiveBackSpace();
  Count(change);
  MutexLock lock(mutex_);
  for (const Multihash& id : ids) damaged_.erase(id);
}

void SqliteStore::DeleteBlock(const Multihash& id, StoreUsage& change) {
  BLOB key = ToBlob(id.binary());
  std::vector<Poco::Int64> sizes;
  *writer_ << "SELECT size FROM block WHERE id = ?", into(sizes), use(key), now;
  if (sizes.empty()) return;
  *writer_ << "DELETE FROM body WHERE place = (SELECT place FROM block WHERE id = ?)", use(key),
      now;
  *writer_ << "DELETE FROM block WHERE id = ?", use(key), now;
  change.blocks -= 1;
  change.bytes -= static_cast<uint64_t>(sizes[0]);
}

void SqliteStore::GiveBackSpace() {
  // Free pages are used again; they are given back when they are an eighth of the file. A failure
  // costs space only, until the next time.
  TryDatabase("give back space", [&] {
    const int64_t free = NumberOf(*writer_, "PRAGMA freelist_count");
    if (free == 0 || free * 8 < NumberOf(*writer_, "PRAGMA page_count")) return;
    // Not by Poco, which would take one step of it.
    sqlite3* const database = Poco::Data::SQLite::Utility::dbHandle(*writer_);
    sqlite3_exec(database, "PRAGMA incremental_vacuum", nullptr, nullptr, nullptr);
    sqlite3_wal_checkpoint_v2(database, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  }).IgnoreError();
}

absl::StatusOr<BlockStore::Page> SqliteStore::Scan(const std::string& token, size_t most) {
  if (most == 0) return absl::InvalidArgumentError("scan: a page of no ids");
  if (!token.empty()) L2P_RETURN_IF_ERROR(Multihash::FromBinary(AsBytes(token)).status());
  BLOB after = ToBlob(AsBytes(token));
  Poco::Int64 limit = static_cast<Poco::Int64>(std::min(most, kMostPerPage));
  std::vector<BLOB> ids;
  {
    const HoldTurn turn(read_turn_);
    L2P_RETURN_IF_ERROR(TryDatabase("scan", [&] {
      *reader_ << "SELECT id FROM block WHERE id > ifnull(?, x'') ORDER BY id LIMIT ?", into(ids),
          use(after), use(limit), now;
    }));
  }
  Page page;
  for (const BLOB& id : ids) {
    L2P_ASSIGN_OR_RETURN(Multihash parsed, Multihash::FromBinary({id.rawContent(), id.size()}));
    page.ids.push_back(std::move(parsed));
  }
  if (std::ssize(ids) == limit) page.token = page.ids.back().bytes();
  return page;
}

BlockStore::StoreUsage SqliteStore::Usage() {
  MutexLock lock(mutex_);
  return usage_;
}

absl::Status SqliteStore::Sync() {
  const HoldTurn turn(write_turn_);
  return TryDatabase("sync", [&] {
    *writer_ << "PRAGMA synchronous = FULL", now;
    *writer_ << "UPDATE synced SET number = number + 1", now;
    *writer_ << "PRAGMA synchronous = NORMAL", now;
  });
}

}  // namespace l2p
