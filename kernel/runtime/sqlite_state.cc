// The schema: every table of the node in one b-tree, sorted by table, then by key.
//   space(id, name)             the tables' names
//   entry(space, key, value)    their rows
#include "kernel/runtime/sqlite_state.h"

#include <Poco/Data/LOB.h>
#include <Poco/Data/SQLite/Connector.h>
#include <Poco/Data/SQLite/SQLiteException.h>
#include <Poco/Data/Session.h>
#include <Poco/Data/Statement.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernel/runtime/poco_status.h"
#include "l2p/mutex.h"

namespace l2p {
namespace {

constexpr size_t kMaxKey = 1 << 10;
constexpr size_t kMaxValue = 1 << 20;

using Poco::Data::BLOB;
using Poco::Data::Keywords::into;
using Poco::Data::Keywords::now;
using Poco::Data::Keywords::use;

BLOB ToBlob(std::string_view text) {
  return BLOB(reinterpret_cast<const unsigned char*>(text.data()), text.size());
}

std::string ToText(const BLOB& blob) {
  return std::string(reinterpret_cast<const char*>(blob.rawContent()), blob.size());
}

// The first key after all that start with `prefix`.
std::string EndOf(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && end.back() == '\xff') end.pop_back();
  if (end.empty()) return std::string(kMaxKey + 1, '\xff');
  ++end.back();
  return end;
}

template <typename Call>
absl::Status TryDatabase(std::string_view what, Call call) {
  try {
    call();
    return absl::OkStatus();
  } catch (const Poco::Data::SQLite::DatabaseFullException&) {
    return absl::ResourceExhaustedError(absl::StrCat(av(what), ": the disk is full"));
  } catch (const Poco::Data::SQLite::CorruptImageException& error) {
    return absl::DataLossError(absl::StrCat(av(what), ": ", error.displayText()));
  } catch (const std::exception& error) {
    return PocoStatus(error, what);
  }
}

absl::Status CheckSizes(std::span<const State::Change> changes) {
  for (const State::Change& change : changes) {
    if (change.key.size() > kMaxKey) {
      return absl::InvalidArgumentError(
          absl::StrCat("commit: a key of ", change.key.size(), " bytes, over ", kMaxKey));
    }
    if (change.value && change.value->size() > kMaxValue) {
      return absl::InvalidArgumentError(
          absl::StrCat("commit: a value of ", change.value->size(), " bytes, over ", kMaxValue));
    }
  }
  return absl::OkStatus();
}

}  // namespace

// One Commit under way.
struct StateFile::Request {
  int64_t table;
  std::span<const State::Change> changes;
  absl::Status status;
  bool done = false;
};

// Two connections to the file, so that reads do not wait for a commit's disk. Poco binds an empty
// BLOB as NULL, hence every ifnull(?, x'').
class StateFile::Database {
 public:
  explicit Database(const std::string& path) : path_(path) {}

  absl::Status Open() {
    return TryDatabase(absl::StrCat("open ", path_), [this] {
      writer_ = std::make_unique<Poco::Data::Session>("SQLite", path_);
      *writer_ << "PRAGMA journal_mode = WAL", now;
      *writer_ << "PRAGMA synchronous = FULL", now;
      *writer_ << "CREATE TABLE IF NOT EXISTS space (id INTEGER PRIMARY KEY, name TEXT UNIQUE)",
          now;
      *writer_ << "CREATE TABLE IF NOT EXISTS entry (space INTEGER NOT NULL, key BLOB NOT NULL,"
                  " value BLOB NOT NULL, PRIMARY KEY (space, key)) WITHOUT ROWID",
          now;
      reader_ = std::make_unique<Poco::Data::Session>("SQLite", path_);
    });
  }

  absl::StatusOr<int64_t> TableId(const std::string& name) {
    Poco::Int64 id = 0;
    std::string bound = name;
    std::lock_guard lock(write_mutex_);
    L2P_RETURN_IF_ERROR(TryDatabase(absl::StrCat("open table ", name), [&] {
      *writer_ << "INSERT OR IGNORE INTO space (name) VALUES (?)", use(bound), now;
      *writer_ << "SELECT id FROM space WHERE name = ?", into(id), use(bound), now;
    }));
    return id;
  }

  absl::StatusOr<std::vector<State::Row>> Select(int64_t table, std::string_view first,
                                                 std::string_view end, size_t most) {
    Poco::Int64 space = table;
    Poco::Int64 limit = static_cast<Poco::Int64>(std::min<size_t>(most, INT64_MAX));
    BLOB from = ToBlob(first), to = ToBlob(end);
    std::vector<BLOB> keys, values;
    {
      std::lock_guard lock(read_mutex_);
      L2P_RETURN_IF_ERROR(TryDatabase(absl::StrCat("read ", path_), [&] {
        *reader_ << "SELECT key, value FROM entry WHERE space = ? AND key >= ifnull(?, x'')"
                    " AND key < ? ORDER BY key LIMIT ?",
            into(keys), into(values), use(space), use(from), use(to), use(limit), now;
      }));
    }
    std::vector<State::Row> rows(keys.size());
    for (size_t i = 0; i < rows.size(); ++i) rows[i] = {ToText(keys[i]), ToText(values[i])};
    return rows;
  }

  // One transaction for all of them.
  absl::Status Write(std::span<Request* const> requests) {
    std::lock_guard lock(write_mutex_);
    return TryDatabase(absl::StrCat("write ", path_), [&] {
      Poco::Int64 space = 0;
      BLOB key, value;
      writer_->begin();
      try {
        Poco::Data::Statement put = (*writer_ << "INSERT OR REPLACE INTO entry VALUES"
                                                 " (?, ifnull(?, x''), ifnull(?, x''))",
                                     use(space), use(key), use(value));
        Poco::Data::Statement remove =
            (*writer_ << "DELETE FROM entry WHERE space = ? AND key = ifnull(?, x'')", use(space),
             use(key));
        for (const Request* request : requests) {
          space = request->table;
          for (const State::Change& change : request->changes) {
            key = ToBlob(change.key);
            if (change.value) value = ToBlob(*change.value);
            (change.value ? put : remove).execute();
          }
        }
        writer_->commit();
      } catch (...) {
        // SQLite may have rolled back by itself (a full disk), which makes this throw as well.
        if (writer_->isTransaction()) writer_->rollback();
        throw;
      }
    });
  }

 private:
  const std::string path_;
  std::mutex read_mutex_;
  std::unique_ptr<Poco::Data::Session> reader_;
  std::mutex write_mutex_;
  std::unique_ptr<Poco::Data::Session> writer_;
};

class StateFile::Table : public State {
 public:
  Table(StateFile& file, int64_t id) : file_(file), id_(id) {}

  absl::StatusOr<std::string> Get(std::string_view key) override {
    // The range that holds this key alone.
    const std::string next = absl::StrCat(av(key), absl::string_view("\0", 1));
    L2P_ASSIGN_OR_RETURN(std::vector<Row> rows, file_.database_->Select(id_, key, next, 1));
    if (rows.empty()) return absl::NotFoundError("no such key");
    return std::move(rows[0].value);
  }

  absl::StatusOr<std::vector<Row>> Scan(std::string_view prefix, std::string_view after,
                                        size_t most) override {
    const std::string next = absl::StrCat(av(after), absl::string_view("\0", 1));
    return file_.database_->Select(id_, std::max(prefix, std::string_view(next)), EndOf(prefix),
                                   most);
  }

  absl::Status Commit(std::span<const Change> changes) override {
    L2P_RETURN_IF_ERROR(CheckSizes(changes));
    return changes.empty() ? absl::OkStatus() : file_.Commit(id_, changes);
  }

 private:
  StateFile& file_;
  const int64_t id_;
};

StateFile::StateFile(std::unique_ptr<Database> database) : database_(std::move(database)) {}
StateFile::~StateFile() = default;

absl::StatusOr<std::unique_ptr<StateFile>> StateFile::Open(const std::string& path) {
  Poco::Data::SQLite::Connector::registerConnector();
  auto database = std::make_unique<Database>(path);
  L2P_RETURN_IF_ERROR(database->Open());
  return std::unique_ptr<StateFile>(new StateFile(std::move(database)));
}

absl::StatusOr<State*> StateFile::OpenTable(std::string_view name) {
  std::lock_guard lock(mutex_);
  const auto found = tables_.find(name);
  if (found != tables_.end()) return found->second.get();
  L2P_ASSIGN_OR_RETURN(const int64_t id, database_->TableId(std::string(name)));
  return tables_.emplace(name, std::make_unique<Table>(*this, id)).first->second.get();
}

absl::Status StateFile::Commit(int64_t table, std::span<const State::Change> changes) {
  AssertNoMutexHeld("State::Commit");
  Request own{.table = table, .changes = changes, .status = {}};
  std::unique_lock lock(mutex_);
  waiting_.push_back(&own);
  committed_.wait(lock, [&] { return own.done || !committing_; });
  if (own.done) return own.status;
  // This one writes for all that wait.
  committing_ = true;
  std::vector<Request*> batch;
  batch.swap(waiting_);
  lock.unlock();
  const absl::Status status = database_->Write(batch);
  lock.lock();
  for (Request* request : batch) {
    request->status = status;
    request->done = true;
  }
  committing_ = false;
  committed_.notify_all();
  return status;
}

}  // namespace l2p
