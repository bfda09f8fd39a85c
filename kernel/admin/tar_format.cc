#include "kernel/admin/tar_format.h"

#include <archive.h>
#include <archive_entry.h>

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "l2p/api.h"

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

class Writer : public TarWriter {
 public:
  explicit Writer(std::ostream& out) : out_(out) {
    archive_write_set_format_pax_restricted(writer_.get());
    archive_write_set_bytes_per_block(writer_.get(), kBufferBytes);
    archive_write_set_bytes_in_last_block(writer_.get(), 1);
    archive_write_open(writer_.get(), this, nullptr, &Writer::Push, nullptr);
  }

  absl::Status Header(const std::string& path, mode_t type, uint64_t size,
                      const std::string& target) override {
    std::unique_ptr<archive_entry, EntryCloser> entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), path.c_str());
    archive_entry_set_filetype(entry.get(), type);
    archive_entry_set_perm(entry.get(), type == AE_IFDIR ? 0755 : 0644);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(size));
    if (type == AE_IFLNK) archive_entry_set_symlink(entry.get(), target.c_str());
    return Check(archive_write_header(writer_.get(), entry.get()));
  }

  absl::Status Data(ByteView data) override {
    return Check(archive_write_data(writer_.get(), data.data(), data.size()) < 0 ? ARCHIVE_FATAL
                                                                                 : ARCHIVE_OK);
  }

  absl::Status Close() override { return Check(archive_write_close(writer_.get())); }

  void Abandon() override { archive_write_fail(writer_.get()); }

 private:
  static la_ssize_t Push(archive*, void* self, const void* data, size_t size) {
    auto* writer = static_cast<Writer*>(self);
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

constexpr TarFormat kFormat = {
    .version = kVersion,
    .open_input = [](std::istream& in) -> std::unique_ptr<Input> {
      return std::make_unique<TarInput>(in);
    },
    .open_writer = [](std::ostream& out) -> std::unique_ptr<TarWriter> {
      return std::make_unique<Writer>(out);
    },
};

}  // namespace
}  // namespace l2p

const l2p::TarFormat* l2p_tar_format() { return &l2p::kFormat; }
