// CAR, blocks one after another in a file or an HTTP body (https://ipld.io/specs/transport/car).
//
// To write: the header of the one root, then for each block its CarSectionHead and its bytes, in
// depth-first order, each block once, identity ids left out. Nothing marks the end, so whoever
// reads checks that every block the root reaches has come.
#ifndef L2P_CAR_H_
#define L2P_CAR_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "l2p/bytes.h"
#include "l2p/cid.h"
#include "l2p/dag_pb.h"
#include "l2p/status.h"

namespace l2p {

inline constexpr size_t kMaxCarHeaderBytes = 1024 * 1024;
inline constexpr size_t kMaxCarSectionBytes = kMaxBlockBytes + 168;  // The longest cid.

// REQUIRES: `root` is not empty.
L2P_SDK_API std::string EncodeCarHeader(const Cid& root);

// What precedes a block of `block_bytes` bytes.
L2P_SDK_API std::string CarSectionHead(const Cid& cid, size_t block_bytes);

struct CarBlock {
  Cid cid;
  Bytes data;
};

// Reads version 1 and the version 1 inside version 2 (whose index is not looked at), in constant
// memory: a window of 64 KiB and one block. One task at a time; nothing may be called after an
// error.
//
// InvalidArgument on everything that is no CAR: empty or cut off, a header that is not a map of
// `roots` and `version`, lengths over the caps above, sections of length 0 or with a bad cid.
// Roots without their block, repeated, unreachable and missing blocks are no errors here.
class L2P_SDK_API CarReader {
 public:
  // Fills some of `into` (never empty) and returns how much; 0 at the end of the file.
  using Source = std::function<absl::StatusOr<size_t>(MutableByteView into)>;
  // Memory for one block; asked only when the block's first 64 KiB (or all of it) have arrived.
  using Allocate = std::function<absl::StatusOr<Buffer>(size_t bytes)>;

  explicit CarReader(Source source, Allocate allocate = Buffer::Unbudgeted);

  // The roots that the header names, often one, possibly none. Call it once, first.
  absl::StatusOr<std::vector<Cid>> ReadRoots();

  // The next block; nullopt at the end. The caller verifies that `data` hashes to `cid`; only those
  // of identity ids are compared here (DataLoss when they differ).
  absl::StatusOr<std::optional<CarBlock>> Next();

 private:
  ByteView available() const { return ByteView(window_).subspan(begin_, end_ - begin_); }
  absl::Status Fill(size_t wanted);
  absl::Status ReadInto(MutableByteView into);
  absl::StatusOr<std::string> ReadHeader();
  absl::Status Skip(uint64_t bytes);
  absl::Status EnterVersion2();
  absl::StatusOr<size_t> ReadSource(MutableByteView into);

  Source source_;
  Allocate allocate_;
  std::vector<uint8_t> window_;  // Bytes read ahead lie from begin_ to end_.
  size_t begin_ = 0;
  size_t end_ = 0;
  uint64_t limit_ = UINT64_MAX;  // Bytes that may still be read from source_.
};

}  // namespace l2p

#endif  // L2P_CAR_H_
