#include "kernel/admin/tar.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

constexpr size_t kBufferBytes = 256 * 1024;

struct ReadCloser {
  void operator()(archive* reader) const { archive_read_free(reader); }
};
struct WriteCloser {
  void operator()(archive* writer) const { archive_write_free(writer); }
};
struct EntryCloser {
  void operator()(archive_entry* entry) const { archive_entry_free(entry); }
};

class TarInput : public Input {
 public:
  explicit TarInput(std::istream& in) : in_(in), buffer_(kBufferBytes) {
    archive_read_support_format_tar(reader_.get());
    opened_ = archive_read_open(reader_.get(), this, nullptr, &TarInput::Pull, nullptr);
  }

  absl::StatusOr<std::optional<Entry>> Next() override {
    if (opened_ != ARCHIVE_OK) return Failed("open");
    archive_entry* header = nullptr;
    const int result = archive_read_next_header(reader_.get(), &header);
    if (result == ARCHIVE_EOF) return std::nullopt;
    if (result != ARCHIVE_OK && result != ARCHIVE_WARN) return Failed("read");
    Entry entry;
    const char* name = archive_entry_pathname_utf8(header);
    if (name == nullptr) name = archive_entry_pathname(header);
    entry.path = name == nullptr ? "" : name;
    while (absl::StartsWith(entry.path, "./")) entry.path.erase(0, 2);
    while (absl::EndsWith(entry.path, "/")) entry.path.pop_back();
    if (entry.path == ".") entry.path.clear();
    if (archive_entry_hardlink(header) != nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("tar entry ", entry.path, ": hard links are not supported"));
    }
    switch (archive_entry_filetype(header)) {
      case AE_IFREG:
        entry.type = Entry::Type::kFile;
        return entry;
      case AE_IFDIR:
        entry.type = Entry::Type::kFolder;
        return entry;
      case AE_IFLNK: {
        const char* target = archive_entry_symlink(header);
        entry.type = Entry::Type::kLink;
        entry.target = target == nullptr ? "" : target;
        return entry;
      }
      default:
        return absl::InvalidArgumentError(
            absl::StrCat("tar entry ", entry.path, ": neither a file, a folder nor a link"));
    }
  }

  absl::StatusOr<size_t> Read(MutableByteView into) override {
    const la_ssize_t got = archive_read_data(reader_.get(), into.data(), into.size());
    if (got < 0) return Failed("read");
    return static_cast<size_t>(got);
  }

  std::optional<uint64_t> total_bytes() const override { return std::nullopt; }

 private:
  static la_ssize_t Pull(archive*, void* self, const void** buffer) {
    auto* input = static_cast<TarInput*>(self);
    input->in_.read(input->buffer_.data(), static_cast<std::streamsize>(input->buffer_.size()));
    *buffer = input->buffer_.data();
    return input->in_.bad() ? -1 : static_cast<la_ssize_t>(input->in_.gcount());
  }

  absl::Status Failed(const char* what) const {
    const char* why = archive_error_string(reader_.get());
    return absl::InvalidArgumentError(
        absl::StrCat(what, " tar: ", why == nullptr ? "not a tar archive" : why));
  }

  std::istream& in_;
  std::vector<char> buffer_;
  std::unique_ptr<archive, ReadCloser> reader_{archive_read_new()};
  int opened_ = ARCHIVE_FATAL;
};

class TarWriter {
 public:
  explicit TarWriter(std::ostream& out) : out_(out) {
    archive_write_set_format_pax_restricted(writer_.get());
    archive_write_set_bytes_per_block(writer_.get(), kBufferBytes);
    archive_write_set_bytes_in_last_block(writer_.get(), 1);
    archive_write_open(writer_.get(), this, nullptr, &TarWriter::Push, nullptr);
  }

  absl::Status Header(const std::string& path, mode_t type, uint64_t size,
                      const std::string& target) {
    std::unique_ptr<archive_entry, EntryCloser> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_filetype(entry.get(), type);
    archive_entry_set_perm(entry.get(), type == AE_IFDIR ? 0755 : 0644);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
    if (type == AE_IFLNK) archive_entry_set_symlink(entry.get(), target.c_str());
    return Check(archive_write_header(writer_.get(), entry.get()));
  }

  absl::Status Data(ByteView data) {
    return Check(archive_write_data(writer_.get(), data.data(), data.size()) < 0 ? ARCHIVE_FATAL
                                                                                 : ARCHIVE_OK);
  }

  absl::Status Close() { return Check(archive_write_close(writer_.get())); }

  // Ends without the closing blocks: the archive must not look whole.
  void Abandon() { archive_write_fail(writer_.get()); }

 private:
  static la_ssize_t Push(archive*, void* self, const void* data, size_t size) {
    auto* writer = static_cast<TarWriter*>(self);
    writer->out_.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
    return writer->out_.good() ? static_cast<la_ssize_t>(size) : -1;
  }

  absl::Status Check(int result) const {
    if (result == ARCHIVE_OK || result == ARCHIVE_WARN) return absl::OkStatus();
    const char* why = archive_error_string(writer_.get());
    return absl::AbortedError(
        absl::StrCat("write tar: ", why == nullptr ? "the reader has gone" : why));
  }

  std::ostream& out_;
  std::unique_ptr<archive, WriteCloser> writer_{archive_write_new()};
};

constexpr size_t kMaxDepth = 256;

struct Pending {
  std::string path;
  Cid id;
  size_t depth;
};

absl::Status WriteEntry(BlockSource& source, TarWriter& tar, const Pending& item, bool is_top,
                        std::vector<Pending>& pending, Time deadline) {
  if (item.depth > kMaxDepth) {
    return absl::ResourceExhaustedError(
        absl::StrCat(item.path, ": folders are more than ", kMaxDepth, " deep"));
  }
  L2P_ASSIGN_OR_RETURN(const Stat stat, StatOf(source, item.id, deadline));
  switch (stat.type) {
    case Stat::Type::kLink:
      return tar.Header(item.path, AE_IFLNK, 0, stat.target);
    case Stat::Type::kFile:
      L2P_RETURN_IF_ERROR(tar.Header(item.path, AE_IFREG, stat.size, ""));
      if (stat.size == 0) return absl::OkStatus();
      return ReadRange(
          source, item.id, 0, stat.size - 1, [&](const Bytes& data) { return tar.Data(data); },
          deadline);
    case Stat::Type::kFolder:
      break;
  }
  if (!is_top) L2P_RETURN_IF_ERROR(tar.Header(item.path + "/", AE_IFDIR, 0, ""));
  const size_t before = pending.size();
  L2P_RETURN_IF_ERROR(List(
      source, item.id,
      [&](const ListedEntry& entry) {
        pending.push_back({item.path.empty() ? entry.name : item.path + "/" + entry.name, entry.id,
                           item.depth + 1});
        return absl::OkStatus();
      },
      deadline));
  std::reverse(pending.begin() + static_cast<ptrdiff_t>(before), pending.end());
  return absl::OkStatus();
}

}  // namespace

std::unique_ptr<Input> OpenTarInput(std::istream& in) { return std::make_unique<TarInput>(in); }

absl::Status WriteTar(BlockSource& source, const Cid& id, std::ostream& out, Time deadline) {
  TarWriter tar(out);
  std::vector<Pending> pending{{"", id, 0}};
  for (bool is_top = true; !pending.empty(); is_top = false) {
    const Pending item = std::move(pending.back());
    pending.pop_back();
    if (absl::Status status = WriteEntry(source, tar, item, is_top, pending, deadline);
        !status.ok()) {
      tar.Abandon();
      return status;
    }
  }
  return tar.Close();
}

absl::Status WriteTar(Input& input, std::ostream& out) {
  TarWriter tar(out);
  std::vector<uint8_t> buffer(kBufferBytes);
  for (;;) {
    L2P_ASSIGN_OR_RETURN(const std::optional<Input::Entry> entry, input.Next());
    if (!entry) return tar.Close();
    if (entry->path.empty()) continue;
    if (entry->type == Input::Entry::Type::kFolder) {
      L2P_RETURN_IF_ERROR(tar.Header(entry->path + "/", AE_IFDIR, 0, ""));
      continue;
    }
    if (entry->type == Input::Entry::Type::kLink) {
      L2P_RETURN_IF_ERROR(tar.Header(entry->path, AE_IFLNK, 0, entry->target));
      continue;
    }
    L2P_RETURN_IF_ERROR(tar.Header(entry->path, AE_IFREG, entry->size, ""));
    for (uint64_t left = entry->size; left > 0;) {
      L2P_ASSIGN_OR_RETURN(const size_t got,
                           input.Read({buffer.data(), std::min<uint64_t>(left, buffer.size())}));
      if (got == 0) {
        return absl::AbortedError(absl::StrCat(entry->path, ": became shorter while it was read"));
      }
      L2P_RETURN_IF_ERROR(tar.Data({buffer.data(), got}));
      left -= got;
    }
  }
}

}  // namespace l2p
