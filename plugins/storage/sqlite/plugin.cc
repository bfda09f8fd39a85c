#include "l2p/plugin.h"

#include "sqlite_store.h"

namespace {

absl::StatusOr<std::unique_ptr<l2p::BlockStore>> OpenSqliteStore(l2p::Host& host,
                                                                 const l2p::Settings&) {
  return l2p::SqliteStore::Open(host);
}

}  // namespace

L2P_PLUGIN(l2p::BlockStore, "sqlite", "1.0.0", l2p::kNoSettings, OpenSqliteStore);
