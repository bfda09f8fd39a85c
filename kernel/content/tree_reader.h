#ifndef L2P_KERNEL_CONTENT_TREE_READER_H_
#define L2P_KERNEL_CONTENT_TREE_READER_H_

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/content/fetcher.h"
#include "kernel/content/opened_block.h"

namespace l2p {

// A TreeReader yields what is in a folder or a whole tree, depth first, a folder before its
// entries. It reads ahead over the bounds of folders and shards, so that many small files come as
// fast as one large one. Shards that no correct writer makes end the reading with InvalidArgument:
// each name must be where its hash leads, so a few shards that link each other cannot pass for a
// large folder. A tree that is nested deeper than kMaxDepth ends it with ResourceExhausted.
//
// It holds the entries of the folders on the way and of a few that come next. One task at a time.
class TreeReader {
 public:
  static constexpr int kMaxDepth = 256;

  struct Entry {
    std::string path;  // Below the root; each name is one that a folder may hold, and occurs once.
    Cid cid;
    uint64_t tsize = 0;
    OpenedBlock opened;  // Of a tree; in a folder that is only listed, it is empty.
  };

  // The tree below `root`, which is the first entry and has an empty path.
  static TreeReader OfTree(Fetcher& fetcher, const Cid& root);
  // The entries of `folder`; what they name is not read.
  static absl::StatusOr<TreeReader> OfFolder(Fetcher& fetcher, const OpenedBlock& folder);

  // Null at the end. Errors name the path.
  absl::StatusOr<std::optional<Entry>> Next();

 private:
  // The bits of a name's hash that lead to a shard.
  struct Prefix {
    uint64_t bits = 0;
    int count = 0;
  };
  // An entry or a shard that is still to come.
  struct Step {
    std::shared_ptr<const std::string> parent;  // The path of its folder; null for the root.
    std::string name;
    Cid cid;
    uint64_t tsize = 0;
    int depth = 0;
    std::optional<Prefix> shard;
    Fetcher::Ticket ticket = 0;                         // Once it was asked for.
    std::optional<absl::StatusOr<OpenedBlock>> opened;  // Before its turn; its entries follow it.
  };
  using Steps = std::list<Step>;

  TreeReader(Fetcher& fetcher, bool contents) : fetcher_(&fetcher), contents_(contents) {}

  static std::string PathOf(const Step& step);
  void ReadAhead();
  Steps::iterator Unfold(Steps::iterator step);
  absl::StatusOr<OpenedBlock> Open(const Step& step);
  absl::StatusOr<Steps> EntriesOf(const Step& folder, const OpenedBlock& opened) const;
  absl::StatusOr<Steps> EntriesOfShard(const Step& folder, const OpenedBlock& opened) const;
  bool IsRead(const Step& step) const { return contents_ || step.shard.has_value(); }

  Fetcher* fetcher_;
  bool contents_;
  Steps steps_;  // Depth first.
  size_t until_next_look_ = 0;
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_TREE_READER_H_
