#include "kernel/content/exporter.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "kernel/content/fetcher.h"
#include "kernel/content/file_reader.h"
#include "kernel/content/tree_reader.h"
#include "l2p/hamt.h"

namespace l2p {
namespace {

constexpr size_t kMaxNameBytes = 255;  // What file systems take.

absl::StatusOr<OpenedBlock> Fetch(Fetcher& fetcher, const Cid& id) {
  L2P_ASSIGN_OR_RETURN(Bytes block, fetcher.Take(fetcher.Ask(id)));
  return OpenBlock(id, std::move(block));
}

absl::StatusOr<Cid> FindInShards(Fetcher& fetcher, const Cid& folder, DagNode node,
                                 std::string_view name) {
  HamtLookup lookup(name);
  for (Cid id = folder;;) {
    absl::StatusOr<HamtShard> shard = DecodeHamtShard(node);
    if (!shard.ok()) return WithContext(shard.status(), id.ToString());
    L2P_ASSIGN_OR_RETURN(HamtEntry entry, lookup.Step(*shard));
    if (!entry.is_shard()) return entry.cid;
    id = entry.cid;
    L2P_ASSIGN_OR_RETURN(Bytes block, fetcher.Take(fetcher.Ask(id)));
    L2P_ASSIGN_OR_RETURN(node, NodeOf(id, block));
  }
}

absl::StatusOr<Cid> FindEntry(Fetcher& fetcher, const OpenedBlock& folder, std::string_view name) {
  L2P_ASSIGN_OR_RETURN(UnixFs message, UnixFsOf(folder.node));
  if (message.type == UnixFs::Type::kHamtShard) {
    return FindInShards(fetcher, folder.stat.id, folder.node, name);
  }
  for (const DagLink& link : folder.node.links) {
    if (link.name == name) return link.cid;
  }
  return absl::NotFoundError(absl::StrCat("no entry \"", av(name), "\" in the folder"));
}

// An Exporter writes a tree, depth first, without recursion.
class Exporter {
 public:
  Exporter(BlockSource& source, Output& output, const ExportLimits& limits, Time deadline,
           const Hashers* hashers)
      : fetcher_(source, deadline), output_(output), limits_(limits), hashers_(hashers) {}

  absl::Status Run(const Cid& root) {
    TreeReader tree = TreeReader::OfTree(fetcher_, root);
    for (;;) {
      L2P_ASSIGN_OR_RETURN(std::optional<TreeReader::Entry> entry, tree.Next());
      if (!entry) return absl::OkStatus();
      const absl::Status written = Write(*entry);
      if (!written.ok()) return entry->path.empty() ? written : WithContext(written, entry->path);
    }
  }

 private:
  absl::Status Write(const TreeReader::Entry& entry) {
    if (++entries_ > limits_.max_entries) {
      return absl::ResourceExhaustedError(
          absl::StrCat("more than ", limits_.max_entries, " entries"));
    }
    const std::string_view name = std::string_view(entry.path).substr(entry.path.rfind('/') + 1);
    if (name.size() > kMaxNameBytes) {
      return absl::InvalidArgumentError(
          absl::StrCat("entry name \"", av(name.substr(0, 32)), "...\" is too long"));
    }
    switch (entry.opened.stat.type) {
      case Stat::Type::kFile:
        return WriteFile(entry.cid, entry.path, entry.opened.block);
      case Stat::Type::kLink:
        return output_.Link(entry.path, entry.opened.stat.target);
      case Stat::Type::kFolder:
        return output_.Folder(entry.path);
    }
    return absl::InternalError("no type of entry");
  }

  absl::Status WriteFile(const Cid& id, const std::string& path, const Bytes& block) {
    L2P_ASSIGN_OR_RETURN(FileReader file, FileReader::Open(fetcher_, id, block));
    if (file.size() > limits_.max_bytes - bytes_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("more than ", limits_.max_bytes, " bytes of content"));
    }
    bytes_ += file.size();
    L2P_RETURN_IF_ERROR(output_.BeginFile(path, file.size()));
    FileReader::Present present;
    if (hashers_ != nullptr) {
      present = [this](const Cid& leaf, uint64_t offset, uint64_t size) {
        return IsPresent(leaf, offset, size);
      };
    }
    L2P_RETURN_IF_ERROR(file.Read(
        {}, [this](uint64_t offset, const Bytes& data) { return output_.Write(offset, data); },
        present));
    return output_.EndFile();
  }

  absl::StatusOr<bool> IsPresent(const Cid& leaf, uint64_t offset, uint64_t size) {
    if (size > kMaxBlockBytes) return false;
    read_back_.resize(size);
    L2P_ASSIGN_OR_RETURN(const size_t count, output_.ReadBack(offset, read_back_));
    return count == size && hashers_->Verify(leaf.hash(), read_back_).ok();
  }

  Fetcher fetcher_;
  Output& output_;
  const ExportLimits& limits_;
  const Hashers* const hashers_;
  std::vector<uint8_t> read_back_;
  uint64_t entries_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace

absl::StatusOr<Cid> ResolvePath(BlockSource& source, const Cid& root, std::string_view path,
                                Time deadline) {
  Fetcher fetcher(source, deadline);
  Cid id = root;
  for (absl::string_view part : absl::StrSplit(av(path), '/', absl::SkipEmpty())) {
    const std::string name(part);
    L2P_ASSIGN_OR_RETURN(OpenedBlock opened, Fetch(fetcher, id));
    if (opened.stat.type != Stat::Type::kFolder) {
      return absl::NotFoundError(
          absl::StrCat(id.ToString(), " is no folder: it has no entry \"", name, "\""));
    }
    L2P_ASSIGN_OR_RETURN(id, FindEntry(fetcher, opened, name));
  }
  return id;
}

absl::StatusOr<Stat> StatOf(BlockSource& source, const Cid& id, Time deadline) {
  Fetcher fetcher(source, deadline);
  L2P_ASSIGN_OR_RETURN(OpenedBlock opened, Fetch(fetcher, id));
  return opened.stat;
}

absl::Status List(BlockSource& source, const Cid& id,
                  const std::function<absl::Status(const ListedEntry&)>& sink, Time deadline) {
  Fetcher fetcher(source, deadline);
  L2P_ASSIGN_OR_RETURN(OpenedBlock opened, Fetch(fetcher, id));
  if (opened.stat.type != Stat::Type::kFolder) {
    return absl::InvalidArgumentError(absl::StrCat(id.ToString(), " is no folder"));
  }
  L2P_ASSIGN_OR_RETURN(TreeReader reader, TreeReader::OfFolder(fetcher, opened));
  for (;;) {
    L2P_ASSIGN_OR_RETURN(std::optional<TreeReader::Entry> entry, reader.Next());
    if (!entry) return absl::OkStatus();
    L2P_RETURN_IF_ERROR(sink({std::move(entry->path), std::move(entry->cid), entry->tsize}));
  }
}

absl::Status ReadRange(BlockSource& source, const Cid& id, uint64_t first, uint64_t last,
                       const std::function<absl::Status(const Bytes&)>& sink, Time deadline) {
  Fetcher fetcher(source, deadline);
  L2P_ASSIGN_OR_RETURN(Bytes block, fetcher.Take(fetcher.Ask(id)));
  L2P_ASSIGN_OR_RETURN(FileReader file, FileReader::Open(fetcher, id, block));
  block = Bytes();
  const bool whole_of_nothing = first == 0 && file.size() == 0;
  if (last < first || (first >= file.size() && !whole_of_nothing)) {
    return absl::InvalidArgumentError(
        absl::StrCat("no bytes ", first, "..", last, " in a file of ", file.size()));
  }
  return file.Read(
      {first, last, true}, [&](uint64_t, const Bytes& data) { return sink(data); }, nullptr);
}

absl::Status Export(BlockSource& source, const Cid& id, Output& output, const ExportLimits& limits,
                    Time deadline, const Hashers* hashers) {
  return Exporter(source, output, limits, deadline, hashers).Run(id);
}

}  // namespace l2p
