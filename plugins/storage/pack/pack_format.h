// The bytes of a pack: what a segment file and an index file hold. Integers are little-endian.
//
//   segment := "l2pseg01" tag:8 number:u32 crc:u32 record*
//                 crc    CRC-32C of the 20 bytes before it
//                 tag    random, made with the segment; see below
//                 number the one in the file's name, 0000000007.segment
//   record  := tag:8 kind:u8 idLength:u8 zero:2 bodyLength:u32 crc:u32 id body? pad
//                 kind   1 put, 2 delete (bodyLength 0 and no body part)
//                 crc    CRC-32C of the 16 bytes before it and of the id
//                 id     a multihash in binary, 1 to 255 bytes
//   body    := byte{bodyLength} crc:u32          crc: CRC-32C of the bytes
//   pad     := zero{0..7}, so that the next record begins at a multiple of 8
//
// Records are a log: of several with one id, in the order of segment numbers and then offsets, the
// last one counts. A reader that finds a damaged header searches for the next record by its tag.
// The tag is random, so that no block's content can pass for a record.
//
//   index   := "l2pidx01" tag:8 number:u32 segmentSize:u64 {count:u32 crc:u32}{16} crc:u32 entry*
//                 crc    in the braces: of the entries of part p, those whose key begins with the
//                        four bits p, `count` in number; the last: of all the header's bytes before
//   entry   := key:16 unit:u32 what:u32           sorted by key, then unit
//                 key    the first 16 bytes of SHA-256(id)
//                 unit   where the record begins in its segment, divided by 8
//                 what   bodyLength | 0x80000000 for a delete, plus idLength << 23
//
// An index file, 0000000007.index, repeats what its segment says and can be made again from it. It
// counts only if the segment has the size that it names: the last segment has one from the pack's
// closing, which the next record makes void.
#ifndef L2P_PLUGINS_STORAGE_PACK_PACK_FORMAT_H_
#define L2P_PLUGINS_STORAGE_PACK_PACK_FORMAT_H_

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "l2p/block_store.h"
#include "l2p/crypto.h"

namespace l2p::pack {

using Tag = std::array<uint8_t, 8>;

inline constexpr size_t kSegmentHeader = 24;
inline constexpr size_t kRecordHeader = 20;
inline constexpr size_t kMaxId = 255;
inline constexpr size_t kAlignment = 8;

// What a block is found by: a digest of its id, so that ids of any length and origin are spread
// evenly, and nobody can choose ids that fall together.
struct Key {
  std::array<uint8_t, 16> bytes{};
  friend bool operator==(const Key&, const Key&) = default;
  friend std::strong_ordering operator<=>(const Key& a, const Key& b) {
    return std::memcmp(a.bytes.data(), b.bytes.data(), sizeof a.bytes) <=> 0;
  }
};
Key KeyOf(const Crypto& crypto, const Multihash& id);

// A number from the first four bytes: of two keys the lesser has no greater prefix.
inline uint32_t PrefixOf(const Key& key) {
  return uint32_t{key.bytes[0]} << 24 | uint32_t{key.bytes[1]} << 16 | uint32_t{key.bytes[2]} << 8 |
         key.bytes[3];
}

// Sizes of a record, which `what` carries.
class RecordShape {
 public:
  RecordShape() = default;
  RecordShape(bool is_delete, size_t id_length, size_t body_length)
      : what_((is_delete ? kDelete : 0) | static_cast<uint32_t>(id_length) << 23 |
              static_cast<uint32_t>(body_length)) {}
  explicit RecordShape(uint32_t what) : what_(what) {}

  uint32_t what() const { return what_; }
  bool is_delete() const { return (what_ & kDelete) != 0; }
  size_t id_length() const { return what_ >> 23 & 0xff; }
  size_t body_length() const { return what_ & kBodyMask; }
  size_t body_offset() const { return kRecordHeader + id_length(); }
  size_t record_bytes() const;  // With the padding.

 private:
  static constexpr uint32_t kDelete = 0x80000000;
  static constexpr uint32_t kBodyMask = (1 << 23) - 1;
  uint32_t what_ = 0;
};
static_assert(kMaxBlock < (1 << 23));

struct IndexEntry {
  Key key;
  uint32_t unit = 0;
  RecordShape shape;

  uint64_t offset() const { return uint64_t{unit} * kAlignment; }
};

std::string EncodeSegmentHeader(const Tag& tag, uint32_t number);
// The tag, or DataLoss.
absl::StatusOr<Tag> ParseSegmentHeader(ByteView bytes, uint32_t number);

// Appends a record's bytes before its body, and those after it.
void AppendRecordHead(const Tag& tag, RecordShape shape, ByteView id, std::string& out);
void AppendRecordTail(RecordShape shape, ByteView body, std::string& out);

// The shape of the record whose head (header and id) `bytes` begins with, if it is whole.
std::optional<RecordShape> ParseRecordHead(ByteView bytes);
// REQUIRES: ParseRecordHead gave `shape` for these bytes.
inline Tag TagOfRecord(ByteView bytes) {
  Tag tag;
  std::copy_n(bytes.begin(), tag.size(), tag.begin());
  return tag;
}
inline ByteView IdOfRecord(ByteView bytes, RecordShape shape) {
  return bytes.subspan(kRecordHeader, shape.id_length());
}
// True when the body of this whole record has the right checksum.
bool BodyIsWhole(ByteView record, RecordShape shape);

inline constexpr size_t kIndexParts = 16;
inline constexpr size_t kIndexHeader = 8 + 8 + 4 + 8 + kIndexParts * 8 + 4;
inline constexpr size_t kIndexEntry = 24;

inline size_t PartOf(const Key& key) { return key.bytes[0] >> 4; }

struct IndexHeader {
  struct Part {
    uint32_t count = 0;
    uint32_t crc = 0;
  };
  Tag tag{};
  uint32_t number = 0;
  uint64_t segment_size = 0;
  std::array<Part, kIndexParts> parts;

  uint64_t entries() const;
};

// The whole index file. REQUIRES: `entries` are sorted by key, then unit.
std::string EncodeIndex(const Tag& tag, uint32_t number, uint64_t segment_size,
                        const std::vector<IndexEntry>& entries);
absl::StatusOr<IndexHeader> ParseIndexHeader(ByteView bytes, uint32_t number);
// Appends the entries of one part; DataLoss, and nothing appended, when its checksum is wrong.
absl::Status ParseIndexPart(const IndexHeader& header, size_t part, ByteView bytes,
                            std::vector<IndexEntry>& out);

}  // namespace l2p::pack

#endif  // L2P_PLUGINS_STORAGE_PACK_PACK_FORMAT_H_
