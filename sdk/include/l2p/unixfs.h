// UnixFS, files and directories as dag-pb nodes (https://specs.ipfs.tech/unixfs).
#ifndef L2P_UNIXFS_H_
#define L2P_UNIXFS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "l2p/bytes.h"
#include "l2p/dag_pb.h"
#include "l2p/status.h"

namespace l2p {

struct UnixFsMtime {
  int64_t seconds = 0;
  std::optional<uint32_t> nanoseconds;  // 1 to 999,999,999.

  friend bool operator==(const UnixFsMtime&, const UnixFsMtime&) = default;
};

// The message in DagNode::data. A raw block (Codec::kRaw) has none: it is a file of one block.
struct UnixFs {
  enum class Type { kRaw, kDirectory, kFile, kMetadata, kSymlink, kHamtShard };
  using Mtime = UnixFsMtime;

  static constexpr uint32_t kDefaultDirectoryMode = 0755;
  static constexpr uint32_t kDefaultFileMode = 0644;
  static constexpr uint32_t kModeMask = 07777;  // Bits of `mode` that have a meaning.

  Type type = Type::kFile;
  std::optional<std::string> data;    // File content, symlink target or HAMT bitmap.
  std::optional<uint64_t> file_size;  // Bytes of content here and below.
  std::vector<uint64_t> block_sizes;  // Bytes of content below each link of a file.
  std::optional<uint64_t> hash_type;  // HAMT shards: see l2p/hamt.h.
  std::optional<uint64_t> fanout;
  std::optional<uint32_t> mode;
  std::optional<Mtime> mtime;

  friend bool operator==(const UnixFs&, const UnixFs&) = default;
};

// In ascending field order, block sizes not packed; file_size of a file or raw node is written even
// when it is absent here (as 0).
L2P_SDK_API std::string EncodeUnixFs(const UnixFs& message);

// InvalidArgument on malformed bytes, no or an unknown type, a repeated single field, a value out
// of range. Fields may come in any order, block sizes packed; unknown fields are skipped.
L2P_SDK_API absl::StatusOr<UnixFs> DecodeUnixFs(ByteView bytes);

// The message of `node`, checked against its links: files have one block size for each link and a
// file_size (set here if it was absent) that is their sum plus the data; directories have none;
// symlinks have a target and no links. InvalidArgument when that does not hold, and for kMetadata,
// which is reserved. A shard's bitmap is checked by DecodeHamtShard.
L2P_SDK_API absl::StatusOr<UnixFs> UnixFsOf(const DagNode& node);

// InvalidArgument when no directory may hold an entry `name`: empty, ".", "..", with '/' or NUL.
L2P_SDK_API absl::Status CheckEntryName(std::string_view name);

}  // namespace l2p

#endif  // L2P_UNIXFS_H_
