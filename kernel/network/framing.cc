// message := uvarint(size) byte[size]
#include "kernel/network/framing.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "l2p/varint.h"

namespace l2p {
namespace {

// An announced size is believed this far ahead of the bytes.
constexpr size_t kAhead = 64 * 1024;

}  // namespace

absl::StatusOr<std::optional<size_t>> AnnouncedSize(std::string_view header, size_t limit) {
  VarintError error;
  const std::optional<Varint> size = ReadVarint(AsBytes(header), error);
  if (!size && error == VarintError::kTruncated) return std::nullopt;
  if (!size) return absl::InvalidArgumentError("message has a malformed size");
  if (size->value > limit) {
    return absl::InvalidArgumentError(
        absl::StrCat("message of ", size->value, " bytes is over the limit of ", limit));
  }
  return size->value;
}

FrameReader::FrameReader(Framing framing, size_t limit) : framing_(framing), limit_(limit) {
  if (framing == Framing::kFixed) size_ = limit;
}

MutableByteView FrameReader::Space() {
  if (!size_) return {&byte_, 1};
  if (filled_ == body_.size()) body_.resize(std::min(*size_, std::max(2 * filled_, kAhead)));
  return {reinterpret_cast<uint8_t*>(body_.data()) + filled_, body_.size() - filled_};
}

absl::Status FrameReader::AddHeaderByte() {
  header_.push_back(static_cast<char>(byte_));
  L2P_ASSIGN_OR_RETURN(size_, AnnouncedSize(header_, limit_));
  return absl::OkStatus();
}

absl::StatusOr<FrameReader::Progress> FrameReader::Poll(Stream& stream) {
  while (!size_ || filled_ < *size_) {
    const absl::StatusOr<size_t> read = stream.Read(Space(), absl::InfinitePast());
    if (absl::IsDeadlineExceeded(read.status())) return Progress::kMore;
    if (!read.ok()) return read.status();
    if (*read == 0) {
      if (filled_ == 0 && header_.empty()) return Progress::kEnd;
      return absl::InvalidArgumentError("message was cut short");
    }
    if (size_) {
      filled_ += *read;
    } else {
      L2P_RETURN_IF_ERROR(AddHeaderByte());
    }
  }
  return Progress::kMessage;
}

Bytes FrameReader::Take() {
  Bytes message = Bytes::Of(std::move(body_));
  body_.clear();
  header_.clear();
  filled_ = 0;
  if (framing_ == Framing::kSized) size_.reset();
  return message;
}

void AppendFramed(std::string_view message, std::string& out) {
  AppendVarint(message.size(), out);
  out += message;
}

std::array<Bytes, 2> Framed(Bytes message) {
  std::string size;
  AppendVarint(message.size(), size);
  return {Bytes::Of(std::move(size)), std::move(message)};
}

}  // namespace l2p
