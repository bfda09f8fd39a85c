#ifndef L2P_TESTS_KERNEL_CONTENT_MEMORY_FILES_H_
#define L2P_TESTS_KERNEL_CONTENT_MEMORY_FILES_H_

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kernel/content/exporter.h"
#include "kernel/content/importer.h"

namespace l2p {

// An Input of what it was given, read in small pieces of changing size.
class ListedInput : public Input {
 public:
  struct Item {
    Entry::Type type = Entry::Type::kFile;
    std::string path;
    std::string content;  // Or a link's target.
  };
  explicit ListedInput(std::vector<Item> items) : items_(std::move(items)) {}
  // A lone file.
  explicit ListedInput(std::string content)
      : ListedInput({{Entry::Type::kFile, "", std::move(content)}}) {}

  absl::StatusOr<std::optional<Entry>> Next() override {
    if (next_ == items_.size())
      return failure_.ok() ? absl::StatusOr<std::optional<Entry>>(std::optional<Entry>())
                           : failure_;
    const Item& item = items_[next_++];
    position_ = 0;
    Entry entry;
    entry.type = item.type;
    entry.path = item.path;
    if (item.type == Entry::Type::kLink) entry.target = item.content;
    return entry;
  }
  absl::StatusOr<size_t> Read(MutableByteView into) override {
    const std::string& content = items_[next_ - 1].content;
    piece_ = piece_ * 31 % 400'009 + 1;
    const size_t size = std::min({into.size(), content.size() - position_, piece_});
    if (size > 0) std::memcpy(into.data(), content.data() + position_, size);
    position_ += size;
    return size;
  }
  std::optional<uint64_t> total_bytes() const override { return std::nullopt; }

  // What Next answers at the end, instead.
  void FailAtEnd(absl::Status failure) { failure_ = std::move(failure); }

 private:
  std::vector<Item> items_;
  size_t next_ = 0;
  size_t position_ = 0;
  size_t piece_ = 7;
  absl::Status failure_;
};

// An Output into memory.
class MemoryOutput : public Output {
 public:
  absl::Status Folder(std::string_view path) override {
    folders.emplace_back(path);
    return absl::OkStatus();
  }
  absl::Status Link(std::string_view path, std::string_view target) override {
    links[std::string(path)] = target;
    return absl::OkStatus();
  }
  absl::Status BeginFile(std::string_view path, uint64_t size) override {
    path_ = path;
    written_ = 0;
    files[path_].resize(size);
    return absl::OkStatus();
  }
  absl::Status Write(uint64_t offset, const Bytes& data) override {
    std::string& file = files[path_];
    if (offset + data.size() > file.size()) return absl::InternalError("written past the end");
    if (!data.empty()) std::memcpy(file.data() + offset, data.data(), data.size());
    written_ += data.size();
    total_written += data.size();
    return absl::OkStatus();
  }
  absl::StatusOr<size_t> ReadBack(uint64_t offset, MutableByteView into) override {
    if (offset >= present.size()) return 0;
    const size_t size = std::min(into.size(), present.size() - offset);
    std::memcpy(into.data(), present.data() + offset, size);
    std::memcpy(files[path_].data() + offset, present.data() + offset, size);
    return size;
  }
  absl::Status EndFile() override { return absl::OkStatus(); }

  std::vector<std::string> folders;
  std::map<std::string, std::string> links;
  std::map<std::string, std::string> files;
  std::string present;  // What an interrupted export left of the file.
  uint64_t total_written = 0;

 private:
  std::string path_;
  uint64_t written_ = 0;
};

}  // namespace l2p

#endif  // L2P_TESTS_KERNEL_CONTENT_MEMORY_FILES_H_
