#include "l2p/plugin.h"

#include "filesystem_store.h"

namespace {

absl::StatusOr<std::unique_ptr<l2p::BlockStore>> OpenFilesystemStore(l2p::Host& host,
                                                                     const l2p::Settings&) {
  return l2p::FilesystemStore::Open(host);
}

}  // namespace

L2P_PLUGIN(l2p::BlockStore, "filesystem", "1.0.0", l2p::kNoSettings, OpenFilesystemStore);
