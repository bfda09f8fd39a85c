// message := field 1 varint (type)             field 2 bytes (data)?       field 3 varint (file
// size)?
//            field 4 varint (block size)*      field 5 varint (hash)?      field 6 varint (fanout)?
//            field 7 varint (mode)?            field 8 bytes (mtime)?
// mtime   := field 1 varint (seconds, two's complement)  field 2 fixed32 (nanoseconds)?
#include "l2p/unixfs.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "l2p/protobuf_wire.h"

namespace l2p {
namespace {

constexpr uint32_t kType = 1;
constexpr uint32_t kData = 2;
constexpr uint32_t kFileSize = 3;
constexpr uint32_t kBlockSizes = 4;
constexpr uint32_t kHashType = 5;
constexpr uint32_t kFanout = 6;
constexpr uint32_t kMode = 7;
constexpr uint32_t kMtime = 8;
constexpr uint32_t kSeconds = 1;
constexpr uint32_t kNanoseconds = 2;
constexpr uint32_t kMaxNanoseconds = 999999999;

absl::Status Bad(std::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("unixfs node ", av(problem)));
}

bool IsFile(const UnixFs& message) {
  return message.type == UnixFs::Type::kFile || message.type == UnixFs::Type::kRaw;
}

std::string EncodeMtime(const UnixFs::Mtime& mtime) {
  std::string out;
  AppendWireVarint(kSeconds, static_cast<uint64_t>(mtime.seconds), out);
  if (mtime.nanoseconds) AppendWireFixed32(kNanoseconds, *mtime.nanoseconds, out);
  return out;
}

absl::Status DecodeMtime(ByteView bytes, UnixFs::Mtime& mtime) {
  bool has_seconds = false;
  while (!bytes.empty()) {
    const std::optional<WireField> field = TakeWireField(bytes);
    if (!field) return Bad("has a malformed mtime");
    if (field->Is(kSeconds, WireType::kVarint)) {
      mtime.seconds = static_cast<int64_t>(field->value);
      has_seconds = true;
    } else if (field->Is(kNanoseconds, WireType::kFixed32)) {
      if (field->value == 0 || field->value > kMaxNanoseconds) {
        return Bad("has an mtime with impossible nanoseconds");
      }
      mtime.nanoseconds = static_cast<uint32_t>(field->value);
    }
  }
  return has_seconds ? absl::OkStatus() : Bad("has an mtime without seconds");
}

absl::Status AddBlockSize(uint64_t size, UnixFs& message) {
  if (message.block_sizes.size() == kMaxDagLinks) return Bad("has too many block sizes");
  message.block_sizes.push_back(size);
  return absl::OkStatus();
}

absl::Status AddPackedBlockSizes(ByteView packed, UnixFs& message) {
  while (!packed.empty()) {
    const std::optional<uint64_t> size = TakeWireVarint(packed);
    if (!size) return Bad("has malformed block sizes");
    L2P_RETURN_IF_ERROR(AddBlockSize(*size, message));
  }
  return absl::OkStatus();
}

// Sets the number that `field` holds; single fields are refused a second time, since readers differ
// over which one counts.
absl::Status SetNumber(const WireField& field, UnixFs& message) {
  switch (field.number) {
    case kType:
      if (field.value > static_cast<uint64_t>(UnixFs::Type::kHamtShard)) {
        return Bad(absl::StrCat("has unknown type ", field.value));
      }
      message.type = static_cast<UnixFs::Type>(field.value);
      return absl::OkStatus();
    case kFileSize:
      message.file_size = field.value;
      return absl::OkStatus();
    case kBlockSizes:
      return AddBlockSize(field.value, message);
    case kHashType:
      message.hash_type = field.value;
      return absl::OkStatus();
    case kFanout:
      message.fanout = field.value;
      return absl::OkStatus();
    case kMode:
      if (field.value > std::numeric_limits<uint32_t>::max()) return Bad("has a mode over 32 bits");
      message.mode = static_cast<uint32_t>(field.value);
      return absl::OkStatus();
    default:
      return Bad(absl::StrCat("has field ", field.number, " of the wrong kind"));
  }
}

absl::Status SetBytes(const WireField& field, UnixFs& message) {
  switch (field.number) {
    case kData:
      message.data = AsText(field.bytes);
      return absl::OkStatus();
    case kBlockSizes:
      return AddPackedBlockSizes(field.bytes, message);
    case kMtime:
      return DecodeMtime(field.bytes, message.mtime.emplace());
    default:
      return Bad(absl::StrCat("has field ", field.number, " of the wrong kind"));
  }
}

absl::Status CheckFile(const DagNode& node, UnixFs& message) {
  if (message.block_sizes.size() != node.links.size()) {
    return Bad(absl::StrCat("has ", node.links.size(), " links and ", message.block_sizes.size(),
                            " block sizes"));
  }
  uint64_t sum = message.data ? message.data->size() : 0;
  for (uint64_t size : message.block_sizes) {
    if (size > std::numeric_limits<int64_t>::max() - sum) return Bad("has sizes beyond 2^63");
    sum += size;
  }
  if (message.file_size.value_or(sum) != sum) {
    return Bad(absl::StrCat("has file size ", *message.file_size, " but its parts sum to ", sum));
  }
  message.file_size = sum;
  return absl::OkStatus();
}

absl::Status CheckSymlink(const DagNode& node, const UnixFs& message) {
  if (!node.links.empty()) return Bad("is a symlink with links");
  return message.data && !message.data->empty() ? absl::OkStatus()
                                                : Bad("is a symlink without a target");
}

}  // namespace

std::string EncodeUnixFs(const UnixFs& message) {
  std::string out;
  out.reserve(64 + (message.data ? message.data->size() : 0) + 6 * message.block_sizes.size());
  AppendWireVarint(kType, static_cast<uint64_t>(message.type), out);
  if (message.data) AppendWireBytes(kData, *message.data, out);
  if (message.file_size || IsFile(message)) {
    AppendWireVarint(kFileSize, message.file_size.value_or(0), out);
  }
  for (uint64_t size : message.block_sizes) AppendWireVarint(kBlockSizes, size, out);
  if (message.hash_type) AppendWireVarint(kHashType, *message.hash_type, out);
  if (message.fanout) AppendWireVarint(kFanout, *message.fanout, out);
  if (message.mode) AppendWireVarint(kMode, *message.mode, out);
  if (message.mtime) AppendWireBytes(kMtime, EncodeMtime(*message.mtime), out);
  return out;
}

absl::StatusOr<UnixFs> DecodeUnixFs(ByteView bytes) {
  UnixFs message;
  uint32_t seen = 0;  // A bit for each field number.
  while (!bytes.empty()) {
    const std::optional<WireField> field = TakeWireField(bytes);
    if (!field) return Bad("is malformed");
    if (field->number > kMtime) continue;
    const bool again = (seen >> field->number & 1) != 0;
    if (again && field->number != kBlockSizes) {
      return Bad(absl::StrCat("has field ", field->number, " twice"));
    }
    seen |= 1u << field->number;
    if (field->type == WireType::kVarint) {
      L2P_RETURN_IF_ERROR(SetNumber(*field, message));
    } else if (field->type == WireType::kBytes) {
      L2P_RETURN_IF_ERROR(SetBytes(*field, message));
    } else {
      return Bad(absl::StrCat("has field ", field->number, " of the wrong kind"));
    }
  }
  if ((seen >> kType & 1) == 0) return Bad("has no type");
  return message;
}

absl::StatusOr<UnixFs> UnixFsOf(const DagNode& node) {
  if (!node.data) return Bad("has no data");
  L2P_ASSIGN_OR_RETURN(UnixFs message, DecodeUnixFs(AsBytes(*node.data)));
  if (IsFile(message)) {
    L2P_RETURN_IF_ERROR(CheckFile(node, message));
    return message;
  }
  if (!message.block_sizes.empty()) return Bad("has block sizes but is no file");
  if (message.type == UnixFs::Type::kSymlink) L2P_RETURN_IF_ERROR(CheckSymlink(node, message));
  if (message.type == UnixFs::Type::kMetadata) return Bad("is of the reserved type metadata");
  return message;
}

absl::Status CheckEntryName(std::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError("entry name is empty");
  if (name == "." || name == ".." || name.find('/') != std::string_view::npos ||
      name.find('\0') != std::string_view::npos) {
    return absl::InvalidArgumentError(absl::StrCat("entry name \"", av(name), "\" is not allowed"));
  }
  return absl::OkStatus();
}

}  // namespace l2p
