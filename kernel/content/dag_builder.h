#ifndef L2P_KERNEL_CONTENT_DAG_BUILDER_H_
#define L2P_KERNEL_CONTENT_DAG_BUILDER_H_

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "kernel/content/block_service.h"
#include "kernel/content/group_builder.h"
#include "kernel/content/profile.h"
#include "l2p/hasher.h"

namespace l2p {

// A DagWriter names and stores the blocks of a growing dag, many at a time, and hands its groups
// over once their blocks are stored. One task at a time.
class DagWriter {
 public:
  // `hasher` and `operation` are lent; without an operation nothing is stored.
  DagWriter(const Hasher& hasher, BlockService::Operation* operation, GroupBuilder::Sink on_group);

  // A block of file content, hashed by the caller. `data` is let go at the next Flush.
  Subtree AddChunk(Multihash id, Bytes data);

  // A dag-pb block above `children`.
  absl::StatusOr<Subtree> AddNode(std::string block, std::span<Subtree> children);

  absl::Status Separate(Subtree& subtree) { return groups_.Separate(subtree); }

  absl::Status Finish(Subtree& root);

  // Stores what was added.
  absl::Status Flush();

 private:
  const Hasher& hasher_;
  BlockService::Operation* const operation_;
  std::vector<Block> pending_;
  GroupBuilder groups_;
};

// A FileBuilder lays the chunks of one file out as a balanced tree: all leaves at one depth, the
// nodes filled from the left. One task at a time.
class FileBuilder {
 public:
  FileBuilder(DagWriter& writer, size_t links) : writer_(writer), links_(links) {}

  absl::Status Add(Subtree chunk);

  // REQUIRES: Add was called. The builder is empty afterwards.
  absl::StatusOr<Subtree> Finish();

 private:
  absl::Status CloseLevel(size_t level);
  absl::Status SeparateCertain();

  DagWriter& writer_;
  const size_t links_;
  // The unfinished node of each height, from the leaves' parent up. Whenever a chunk is added, no
  // node but the lowest is full.
  std::vector<std::vector<Subtree>> levels_;
};

// A TreeBuilder collects the finished files and links of a put and makes the folder nodes above
// them. Entries stay in memory until then: at most kMaxEntries. One task at a time.
class TreeBuilder {
 public:
  static constexpr size_t kMaxEntries = 2'000'000;
  static constexpr size_t kMaxDepth = 256;

  TreeBuilder(DagWriter& writer, const Profile& profile) : writer_(writer), profile_(profile) {}

  // `path` as in Input::Entry. InvalidArgument when it is taken, has a part that no folder may
  // hold, or leads through a file; ResourceExhausted over a cap.
  absl::Status Add(std::string_view path, Subtree subtree);
  absl::Status AddFolder(std::string_view path);

  // The whole tree. InvalidArgument when nothing was added.
  absl::StatusOr<Subtree> Finish();

 private:
  struct Folder;
  using Item = std::variant<Subtree, std::unique_ptr<Folder>>;
  struct Folder {
    std::map<std::string, Item, std::less<>> items;
  };

  absl::StatusOr<Item*> Place(std::string_view path);
  absl::StatusOr<Subtree> FinishFolder(Folder& folder);
  absl::StatusOr<Subtree> FinishSharded(std::map<std::string, Subtree> children,
                                        std::vector<DagLink> links);

  DagWriter& writer_;
  const Profile& profile_;
  Item top_;
  bool any_ = false;
  size_t entries_ = 0;
};

// A symbolic link, and a folder without entries.
absl::StatusOr<Subtree> AddSymlink(DagWriter& writer, std::string_view target);

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_DAG_BUILDER_H_
