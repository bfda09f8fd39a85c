#ifndef L2P_KERNEL_CONTENT_FOLDER_READER_H_
#define L2P_KERNEL_CONTENT_FOLDER_READER_H_

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernel/content/fetcher.h"

namespace l2p {

// A FolderReader yields the entries of one folder, flat or sharded, reading ahead. It holds the
// entries of one node, or of one shard at each depth, in memory. Shards that no correct writer
// makes end the reading with InvalidArgument: each name must be where its hash leads, so a few
// shards that link each other cannot pass for a large folder.
//
// One task at a time.
class FolderReader {
 public:
  struct Entry {
    std::string name;  // A name that a folder may hold. Where it occurs twice, the first counts.
    Cid cid;
    uint64_t tsize = 0;
    Fetcher::Ticket ticket = 0;  // Of the entry's first block, when entries are read ahead.
  };

  // `root` is the folder's first node, named `id`. With `ahead` the first block of each entry is
  // asked for, too, and must be taken.
  static absl::StatusOr<FolderReader> Open(Fetcher& fetcher, const Cid& id, const DagNode& root,
                                           bool ahead);

  absl::StatusOr<std::optional<Entry>> Next();

 private:
  struct Item {
    Entry entry;
    bool shard = false;
    uint32_t slot = 0;
  };
  struct Node {  // The folder's node, or a shard on the path to the current entry.
    std::vector<Item> items;
    size_t next = 0;
    size_t asked = 0;     // Items read ahead.
    uint64_t prefix = 0;  // The bits of the hash that lead to this shard,
    int prefix_bits = 0;  // and how many.
    int slot_bits = 0;
  };

  FolderReader(Fetcher& fetcher, bool ahead) : fetcher_(&fetcher), ahead_(ahead) {}
  absl::Status PushShard(const Cid& id, const DagNode& node, uint64_t prefix, int prefix_bits);
  void AskAhead(Node& node);

  Fetcher* fetcher_;
  bool ahead_;
  std::vector<Node> path_;
  std::set<std::string, std::less<>> seen_;  // In a flat folder.
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_FOLDER_READER_H_
