#include "kernel/content/opened_block.h"

#include <utility>

#include "kernel/content/fetcher.h"
#include "l2p/unixfs.h"

namespace l2p {

absl::StatusOr<OpenedBlock> OpenBlock(const Cid& id, Bytes block) {
  OpenedBlock opened;
  opened.stat.id = id;
  opened.stat.size = block.size();
  opened.block = std::move(block);
  if (id.codec() == Codec::kRaw) return opened;
  L2P_ASSIGN_OR_RETURN(opened.node, NodeOf(id, opened.block));
  absl::StatusOr<UnixFs> message = UnixFsOf(opened.node);
  if (!message.ok()) return WithContext(message.status(), id.ToString());
  opened.stat.size = message->file_size.value_or(0);
  switch (message->type) {
    case UnixFs::Type::kDirectory:
    case UnixFs::Type::kHamtShard:
      opened.stat.type = Stat::Type::kFolder;
      opened.stat.size = 0;
      break;
    case UnixFs::Type::kSymlink:
      opened.stat.type = Stat::Type::kLink;
      opened.stat.target = message->data.value_or("");
      break;
    default:
      break;
  }
  return opened;
}

}  // namespace l2p
