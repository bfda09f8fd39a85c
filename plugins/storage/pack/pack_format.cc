#include "pack_format.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "crc32c.h"

namespace l2p::pack {
namespace {

constexpr std::string_view kSegmentMagic = "l2pseg01";
constexpr std::string_view kIndexMagic = "l2pidx01";
constexpr uint8_t kPut = 1;
constexpr uint8_t kDelete = 2;

template <typename Integer>
void AppendInteger(Integer value, std::string& out) {
  for (size_t i = 0; i < sizeof value; ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

template <typename Integer>
Integer ReadInteger(const uint8_t* from) {
  Integer value = 0;
  for (size_t i = 0; i < sizeof value; ++i) value |= static_cast<Integer>(from[i]) << (8 * i);
  return value;
}

// True when `bytes` begins with `magic`.
bool HasMagic(ByteView bytes, std::string_view magic) {
  return AsText(bytes.first(magic.size())) == magic;
}

Tag ReadTag(const uint8_t* from) {
  Tag tag;
  std::copy_n(from, tag.size(), tag.begin());
  return tag;
}

size_t RoundUp(size_t size) { return (size + kAlignment - 1) / kAlignment * kAlignment; }

}  // namespace

Key KeyOf(const Crypto& crypto, const Multihash& id) {
  const ByteView part = id.binary();
  const Sha256Digest digest = crypto.Sha256({&part, 1});
  Key key;
  std::copy_n(digest.begin(), key.bytes.size(), key.bytes.begin());
  return key;
}

size_t RecordShape::record_bytes() const {
  return RoundUp(body_offset() + (is_delete() ? 0 : body_length() + 4));
}

std::string EncodeSegmentHeader(const Tag& tag, uint32_t number) {
  std::string out(kSegmentMagic);
  out.append(AsText(tag));
  AppendInteger<uint32_t>(number, out);
  AppendInteger<uint32_t>(Crc32c(AsBytes(out)), out);
  return out;
}

absl::StatusOr<Tag> ParseSegmentHeader(ByteView bytes, uint32_t number) {
  if (bytes.size() < kSegmentHeader || !HasMagic(bytes, kSegmentMagic) ||
      ReadInteger<uint32_t>(&bytes[20]) != Crc32c(bytes.first(20)) ||
      ReadInteger<uint32_t>(&bytes[16]) != number) {
    return absl::DataLossError(absl::StrCat("segment ", number, ": damaged header"));
  }
  return ReadTag(&bytes[8]);
}

void AppendRecordHead(const Tag& tag, RecordShape shape, ByteView id, std::string& out) {
  const size_t begin = out.size();
  out.append(AsText(tag));
  out.push_back(static_cast<char>(shape.is_delete() ? kDelete : kPut));
  out.push_back(static_cast<char>(shape.id_length()));
  AppendInteger<uint16_t>(0, out);
  AppendInteger<uint32_t>(shape.body_length(), out);
  const uint32_t crc = Crc32c(AsBytes(std::string_view(out).substr(begin)));
  AppendInteger<uint32_t>(ExtendCrc32c(crc, id), out);
  out.append(AsText(id));
}

void AppendRecordTail(RecordShape shape, ByteView body, std::string& out) {
  size_t written = shape.body_offset();
  if (!shape.is_delete()) {
    AppendInteger<uint32_t>(Crc32c(body), out);
    written += body.size() + 4;
  }
  out.append(shape.record_bytes() - written, '\0');
}

std::optional<RecordShape> ParseRecordHead(ByteView bytes) {
  if (bytes.size() < kRecordHeader) return std::nullopt;
  const uint8_t kind = bytes[8];
  const size_t id_length = bytes[9];
  const uint32_t body_length = ReadInteger<uint32_t>(&bytes[12]);
  if ((kind != kPut && kind != kDelete) || id_length == 0 || body_length > kMaxBlock ||
      (kind == kDelete && body_length != 0) || bytes.size() < kRecordHeader + id_length) {
    return std::nullopt;
  }
  const uint32_t crc =
      ExtendCrc32c(Crc32c(bytes.first(16)), bytes.subspan(kRecordHeader, id_length));
  if (crc != ReadInteger<uint32_t>(&bytes[16])) return std::nullopt;
  return RecordShape(kind == kDelete, id_length, body_length);
}

bool BodyIsWhole(ByteView record, RecordShape shape) {
  if (shape.is_delete()) return true;
  const ByteView body = record.subspan(shape.body_offset(), shape.body_length());
  return Crc32c(body) == ReadInteger<uint32_t>(body.data() + body.size());
}

uint64_t IndexHeader::entries() const {
  uint64_t sum = 0;
  for (const Part& part : parts) sum += part.count;
  return sum;
}

std::string EncodeIndex(const Tag& tag, uint32_t number, uint64_t segment_size,
                        const std::vector<IndexEntry>& entries) {
  std::string body;
  body.reserve(entries.size() * kIndexEntry);
  std::array<IndexHeader::Part, kIndexParts> parts;
  for (const IndexEntry& entry : entries) {
    const size_t begin = body.size();
    body.append(AsText(entry.key.bytes));
    AppendInteger<uint32_t>(entry.unit, body);
    AppendInteger<uint32_t>(entry.shape.what(), body);
    IndexHeader::Part& part = parts[PartOf(entry.key)];
    ++part.count;
    part.crc = ExtendCrc32c(part.crc, AsBytes(std::string_view(body).substr(begin)));
  }
  std::string out(kIndexMagic);
  out.reserve(kIndexHeader + body.size());
  out.append(AsText(tag));
  AppendInteger<uint32_t>(number, out);
  AppendInteger<uint64_t>(segment_size, out);
  for (const IndexHeader::Part& part : parts) {
    AppendInteger<uint32_t>(part.count, out);
    AppendInteger<uint32_t>(part.crc, out);
  }
  AppendInteger<uint32_t>(Crc32c(AsBytes(out)), out);
  out.append(body);
  return out;
}

absl::StatusOr<IndexHeader> ParseIndexHeader(ByteView bytes, uint32_t number) {
  constexpr size_t kCrcAt = kIndexHeader - 4;
  if (bytes.size() < kIndexHeader || !HasMagic(bytes, kIndexMagic) ||
      ReadInteger<uint32_t>(&bytes[kCrcAt]) != Crc32c(bytes.first(kCrcAt)) ||
      ReadInteger<uint32_t>(&bytes[16]) != number) {
    return absl::DataLossError(absl::StrCat("index ", number, ": damaged header"));
  }
  IndexHeader header;
  header.tag = ReadTag(&bytes[8]);
  header.number = number;
  header.segment_size = ReadInteger<uint64_t>(&bytes[20]);
  const uint8_t* at = &bytes[28];
  for (IndexHeader::Part& part : header.parts) {
    part = {ReadInteger<uint32_t>(at), ReadInteger<uint32_t>(at + 4)};
    at += 8;
  }
  return header;
}

absl::Status ParseIndexPart(const IndexHeader& header, size_t part, ByteView bytes,
                            std::vector<IndexEntry>& out) {
  const IndexHeader::Part& expected = header.parts[part];
  if (bytes.size() != expected.count * kIndexEntry || Crc32c(bytes) != expected.crc) {
    return absl::DataLossError(absl::StrCat("index ", header.number, ": damaged part ", part));
  }
  for (const uint8_t* at = bytes.data(); at != bytes.data() + bytes.size(); at += kIndexEntry) {
    IndexEntry entry;
    std::copy_n(at, entry.key.bytes.size(), entry.key.bytes.begin());
    entry.unit = ReadInteger<uint32_t>(at + 16);
    entry.shape = RecordShape(ReadInteger<uint32_t>(at + 20));
    out.push_back(entry);
  }
  return absl::OkStatus();
}

}  // namespace l2p::pack
