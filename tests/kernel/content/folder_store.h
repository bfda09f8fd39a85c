#ifndef L2P_TESTS_KERNEL_CONTENT_FOLDER_STORE_H_
#define L2P_TESTS_KERNEL_CONTENT_FOLDER_STORE_H_

#include <memory>
#include <string>
#include <vector>

#include "l2p/block_store.h"
#include "l2p/folder.h"

namespace l2p {

// A store of one file for each block, durable after Sync only: for tests of power cuts.
class FolderStore : public BlockStore {
 public:
  explicit FolderStore(Folder& folder) : folder_(folder) {}

  void Put(std::span<const Block> blocks, std::span<absl::Status> out) override {
    for (size_t i = 0; i < blocks.size(); ++i) out[i] = PutBlock(blocks[i]);
  }
  void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) override {
    for (size_t i = 0; i < ids.size(); ++i) {
      absl::StatusOr<std::string> content = ReadFile(folder_, NameOf(ids[i]), kMaxBlock);
      if (content.ok()) {
        out[i] = Bytes::Of(*std::move(content));
      } else {
        out[i] = content.status();
      }
    }
  }
  absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out) override {
    for (size_t i = 0; i < ids.size(); ++i) {
      absl::StatusOr<Bytes> block = GetOne(*this, ids[i]);
      if (!block.ok() && !absl::IsNotFound(block.status())) return block.status();
      out[i] = block.ok() ? static_cast<int64_t>(block->size()) : -1;
    }
    return absl::OkStatus();
  }
  void Delete(std::span<const Multihash> ids, std::span<absl::Status> out) override {
    for (size_t i = 0; i < ids.size(); ++i) {
      out[i] = folder_.Remove(NameOf(ids[i]));
      if (absl::IsNotFound(out[i])) out[i] = absl::OkStatus();
    }
  }
  absl::StatusOr<Page> Scan(const std::string&, size_t) override {
    L2P_ASSIGN_OR_RETURN(std::vector<std::string> names, folder_.List());
    Page page;
    for (const std::string& name : names) {
      std::string binary;
      if (FromHex(name, binary)) page.ids.push_back(*Multihash::FromBinary(AsBytes(binary)));
    }
    return page;
  }
  StoreUsage Usage() override { return {}; }
  absl::Status Sync() override {
    for (const std::unique_ptr<File>& file : std::exchange(unsynced_, {})) {
      L2P_RETURN_IF_ERROR(file->Sync());
    }
    return folder_.Sync();
  }

 private:
  static std::string NameOf(const Multihash& id) { return ToHex(id.binary()); }

  absl::Status PutBlock(const Block& block) {
    absl::StatusOr<std::unique_ptr<File>> file = folder_.Open(NameOf(block.id), Folder::Mode::kNew);
    if (absl::IsAlreadyExists(file.status())) return absl::OkStatus();
    L2P_RETURN_IF_ERROR(file.status());
    const ByteView part = block.data;
    L2P_RETURN_IF_ERROR((*file)->Write(0, {&part, 1}));
    unsynced_.push_back(*std::move(file));
    return absl::OkStatus();
  }

  Folder& folder_;
  std::vector<std::unique_ptr<File>> unsynced_;
};

}  // namespace l2p

#endif  // L2P_TESTS_KERNEL_CONTENT_FOLDER_STORE_H_
