#include "kernel/admin/request_input.h"

#include "kernel/admin/tar.h"
#include "kernel/runtime/path_input.h"

namespace l2p {
namespace {

// A request body that is one file.
class BodyInput : public Input {
 public:
  BodyInput(std::istream& in, std::optional<uint64_t> size) : in_(in), size_(size) {}

  absl::StatusOr<std::optional<Entry>> Next() override {
    if (started_) return std::nullopt;
    started_ = true;
    return Entry{};
  }

  absl::StatusOr<size_t> Read(MutableByteView into) override {
    in_.read(reinterpret_cast<char*>(into.data()), static_cast<std::streamsize>(into.size()));
    const auto got = static_cast<size_t>(in_.gcount());
    read_ += got;
    if (in_.bad() || (got == 0 && size_ && read_ < *size_)) {
      return absl::AbortedError("the upload was cut off");
    }
    return got;
  }

  std::optional<uint64_t> total_bytes() const override { return size_; }

 private:
  std::istream& in_;
  const std::optional<uint64_t> size_;
  uint64_t read_ = 0;
  bool started_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Input>> OpenInput(AdminCall& call) {
  if (call.Query("path")) {
    L2P_ASSIGN_OR_RETURN(const std::string path, call.NamedPath());
    return OpenPathInput(path);
  }
  if (call.request().getContentType() == "application/x-tar") {
    return OpenTarInput(call.request().stream());
  }
  std::optional<uint64_t> size;
  if (call.request().hasContentLength()) {
    size = static_cast<uint64_t>(call.request().getContentLength64());
  } else if (!call.request().getChunkedTransferEncoding()) {
    return absl::InvalidArgumentError("the request has neither a body nor ?path=");
  }
  return std::make_unique<BodyInput>(call.request().stream(), size);
}

absl::StatusOr<std::optional<Input::Entry>> CancellableInput::Next() {
  if (gone_) return absl::AbortedError("the caller has gone");
  absl::StatusOr<std::optional<Entry>> entry = input_.Next();
  if (entry.ok() && !*entry) L2P_RETURN_IF_ERROR(CheckComplete());
  return entry;
}

absl::StatusOr<size_t> CancellableInput::Read(MutableByteView into) {
  if (gone_) return absl::AbortedError("the caller has gone");
  const absl::StatusOr<size_t> got = input_.Read(into);
  if (got.ok() && *got == 0) L2P_RETURN_IF_ERROR(CheckComplete());
  return got;
}

absl::Status CancellableInput::CheckComplete() const {
  if (call_ == nullptr || !call_->request().getChunkedTransferEncoding()) return absl::OkStatus();
  return call_->CallerIsThere() ? absl::OkStatus() : absl::AbortedError("the upload was cut off");
}

}  // namespace l2p
