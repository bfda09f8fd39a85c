// car     := v1 | v2
// v1      := varint(size) header section*
// header  := dag-cbor {"roots": [cid*], "version": 1}   (cid: tag 42, bytes 00 and a binary cid)
// section := varint(size of the rest) cid block
// v2      := 0a a1 67 "version" 02  byte[16]  u64(offset of v1) u64(size of v1) u64(index)
//            padding v1 padding index                    (u64 little-endian, offsets from the
//            start)
#include "l2p/car.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "l2p/varint.h"

namespace l2p {
namespace {

constexpr size_t kWindowBytes = 64 * 1024;
constexpr size_t kMaxCidBytes = 168;
constexpr uint64_t kCidTag = 42;
constexpr size_t kPragmaBytes = 11;
constexpr size_t kVersion2HeaderBytes = 40;

enum class CborMajor : uint8_t { kUint = 0, kBytes = 2, kText = 3, kArray = 4, kMap = 5, kTag = 6 };

absl::Status Bad(std::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat("car ", av(problem)));
}

absl::Status BadHeader() { return Bad("header is no map of roots and version"); }

void AppendCborHead(CborMajor major, uint8_t value, std::string& out) {
  const uint8_t high = static_cast<uint8_t>(major) << 5;
  if (value >= 24) out.push_back(static_cast<char>(high | 24));
  out.push_back(static_cast<char>(value >= 24 ? value : high | value));
}

void AppendCborText(std::string_view text, std::string& out) {
  AppendCborHead(CborMajor::kText, static_cast<uint8_t>(text.size()), out);
  out += text;
}

// Takes the head of an item of kind `major`: its number or its length. Only the shortest form, as
// DAG-CBOR has it, and no indefinite lengths.
std::optional<uint64_t> TakeCborHead(CborMajor major, ByteView& in) {
  if (in.empty() || in[0] >> 5 != static_cast<uint8_t>(major)) return std::nullopt;
  const uint8_t info = in[0] & 31;
  in = in.subspan(1);
  if (info < 24) return info;
  if (info > 27) return std::nullopt;
  const size_t size = size_t{1} << (info - 24);
  if (in.size() < size) return std::nullopt;
  uint64_t value = 0;
  for (uint8_t byte : in.first(size)) value = value << 8 | byte;
  in = in.subspan(size);
  const uint64_t least = size == 1 ? 24 : uint64_t{1} << (4 * size);
  return value >= least ? std::optional(value) : std::nullopt;
}

std::optional<ByteView> TakeCborString(CborMajor major, ByteView& in) {
  const std::optional<uint64_t> size = TakeCborHead(major, in);
  if (!size || *size > in.size()) return std::nullopt;
  const ByteView bytes = in.first(*size);
  in = in.subspan(*size);
  return bytes;
}

absl::StatusOr<std::vector<Cid>> TakeRoots(ByteView& in) {
  const std::optional<uint64_t> count = TakeCborHead(CborMajor::kArray, in);
  if (!count) return BadHeader();
  std::vector<Cid> roots;
  for (uint64_t i = 0; i < *count; ++i) {
    const bool tagged = TakeCborHead(CborMajor::kTag, in) == kCidTag;
    const auto bytes = tagged ? TakeCborString(CborMajor::kBytes, in) : std::nullopt;
    if (!bytes || bytes->empty() || bytes->front() != 0) return Bad("has a root that is no cid");
    absl::StatusOr<Cid> root = Cid::FromBinary(bytes->subspan(1));
    if (!root.ok()) return WithContext(root.status(), "car root");
    roots.push_back(*std::move(root));
  }
  return roots;
}

struct Header {
  std::optional<uint64_t> version;
  std::optional<std::vector<Cid>> roots;
};

absl::StatusOr<Header> DecodeHeader(ByteView in) {
  Header header;
  const std::optional<uint64_t> keys = TakeCborHead(CborMajor::kMap, in);
  if (!keys || *keys > 2) return BadHeader();
  for (uint64_t i = 0; i < *keys; ++i) {
    const std::optional<ByteView> key = TakeCborString(CborMajor::kText, in);
    if (!key) return BadHeader();
    if (AsText(*key) == "version" && !header.version) {
      header.version = TakeCborHead(CborMajor::kUint, in);
      if (!header.version) return BadHeader();
    } else if (AsText(*key) == "roots" && !header.roots) {
      L2P_ASSIGN_OR_RETURN(header.roots, TakeRoots(in));
    } else {
      return BadHeader();
    }
  }
  if (!in.empty() || !header.version) return BadHeader();
  return header;
}

uint64_t LittleEndian64(const uint8_t* bytes) {
  uint64_t value = 0;
  for (int i = 7; i >= 0; --i) value = value << 8 | bytes[i];
  return value;
}

}  // namespace

std::string EncodeCarHeader(const Cid& root) {
  const std::string cid = root.ToBinary();
  std::string map;
  AppendCborHead(CborMajor::kMap, 2, map);
  AppendCborText("roots", map);
  AppendCborHead(CborMajor::kArray, 1, map);
  AppendCborHead(CborMajor::kTag, kCidTag, map);
  AppendCborHead(CborMajor::kBytes, static_cast<uint8_t>(1 + cid.size()), map);
  map.push_back('\0');
  map += cid;
  AppendCborText("version", map);
  AppendCborHead(CborMajor::kUint, 1, map);
  std::string header;
  AppendVarint(map.size(), header);
  return header + map;
}

std::string CarSectionHead(const Cid& cid, size_t block_bytes) {
  const std::string binary = cid.ToBinary();
  std::string head;
  AppendVarint(binary.size() + block_bytes, head);
  return head + binary;
}

CarReader::CarReader(Source source, Allocate allocate)
    : source_(std::move(source)), allocate_(std::move(allocate)), window_(kWindowBytes) {}

absl::StatusOr<size_t> CarReader::ReadSource(MutableByteView into) {
  into = into.first(std::min<uint64_t>(into.size(), limit_));
  if (into.empty()) return 0;
  absl::StatusOr<size_t> size = source_(into);
  if (size.ok()) {
    assert(*size <= into.size());
    limit_ = *size == 0 ? 0 : limit_ - *size;
  }
  return size;
}

// Makes `wanted` bytes available, or all there are up to the end. REQUIRES: at most kWindowBytes.
absl::Status CarReader::Fill(size_t wanted) {
  if (end_ - begin_ >= wanted) return absl::OkStatus();
  std::memmove(window_.data(), window_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  while (end_ < wanted) {
    L2P_ASSIGN_OR_RETURN(size_t size, ReadSource(MutableByteView(window_).subspan(end_)));
    if (size == 0) break;
    end_ += size;
  }
  return absl::OkStatus();
}

absl::Status CarReader::ReadInto(MutableByteView into) {
  const size_t ready = std::min(into.size(), end_ - begin_);
  std::copy_n(available().data(), ready, into.data());
  begin_ += ready;
  for (into = into.subspan(ready); !into.empty();) {
    L2P_ASSIGN_OR_RETURN(size_t size, ReadSource(into));
    if (size == 0) return Bad("is cut off");
    into = into.subspan(size);
  }
  return absl::OkStatus();
}

absl::Status CarReader::Skip(uint64_t bytes) {
  while (bytes > 0) {
    L2P_RETURN_IF_ERROR(Fill(1));
    if (available().empty()) return Bad("is cut off");
    const size_t step = std::min<uint64_t>(bytes, available().size());
    begin_ += step;
    bytes -= step;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> CarReader::ReadHeader() {
  L2P_RETURN_IF_ERROR(Fill(kMaxVarintBytes));
  ByteView rest = available();
  const std::optional<uint64_t> size = TakeVarint(rest);
  if (!size) return Bad(rest.empty() ? "is empty" : "has a bad header length");
  if (*size > kMaxCarHeaderBytes) return Bad(absl::StrCat("has a header of ", *size, " bytes"));
  begin_ += available().size() - rest.size();
  std::string header;  // Grows only as bytes arrive, whatever the length says.
  while (header.size() < *size) {
    L2P_RETURN_IF_ERROR(Fill(1));
    if (available().empty()) return Bad("is cut off");
    const ByteView part = available().first(std::min(*size - header.size(), available().size()));
    header += AsText(part);
    begin_ += part.size();
  }
  return header;
}

// From just behind the pragma to the version 1 inside.
absl::Status CarReader::EnterVersion2() {
  uint8_t header[kVersion2HeaderBytes];
  L2P_RETURN_IF_ERROR(ReadInto(header));
  const uint64_t offset = LittleEndian64(header + 16);
  const uint64_t size = LittleEndian64(header + 24);
  if (offset < kPragmaBytes + kVersion2HeaderBytes) return Bad("has its data inside its header");
  L2P_RETURN_IF_ERROR(Skip(offset - kPragmaBytes - kVersion2HeaderBytes));
  const size_t ahead = std::min<uint64_t>(end_ - begin_, size);
  end_ = begin_ + ahead;
  limit_ = size - ahead;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Cid>> CarReader::ReadRoots() {
  L2P_ASSIGN_OR_RETURN(std::string bytes, ReadHeader());
  L2P_ASSIGN_OR_RETURN(Header header, DecodeHeader(AsBytes(bytes)));
  if (header.version == 2 && bytes.size() == kPragmaBytes - 1) {
    L2P_RETURN_IF_ERROR(EnterVersion2());
    L2P_ASSIGN_OR_RETURN(bytes, ReadHeader());
    L2P_ASSIGN_OR_RETURN(header, DecodeHeader(AsBytes(bytes)));
  }
  if (header.version != 1) return Bad(absl::StrCat("has unknown version ", *header.version));
  if (!header.roots) return BadHeader();
  return *std::move(header.roots);
}

absl::StatusOr<std::optional<CarBlock>> CarReader::Next() {
  L2P_RETURN_IF_ERROR(Fill(kMaxVarintBytes));
  if (available().empty()) return std::nullopt;
  ByteView rest = available();
  const std::optional<uint64_t> size = TakeVarint(rest);
  if (!size) return Bad("has a bad section length");
  if (*size == 0 || *size > kMaxCarSectionBytes) {
    return Bad(absl::StrCat("has a section of ", *size, " bytes"));
  }
  begin_ += available().size() - rest.size();
  L2P_RETURN_IF_ERROR(Fill(std::min<uint64_t>(*size, kWindowBytes)));
  if (available().size() < std::min<uint64_t>(*size, kWindowBytes)) return Bad("is cut off");
  rest = available().first(std::min<uint64_t>(*size, kMaxCidBytes));
  const size_t before = rest.size();
  absl::StatusOr<Cid> cid = Cid::Take(rest);
  if (!cid.ok()) return WithContext(cid.status(), "car section");
  begin_ += before - rest.size();
  const uint64_t block_bytes = *size - (before - rest.size());
  if (block_bytes > kMaxBlockBytes) return Bad("has a block over 2 MiB");
  Buffer block;
  if (block_bytes > 0) {
    L2P_ASSIGN_OR_RETURN(block, allocate_(block_bytes));
  }
  L2P_RETURN_IF_ERROR(ReadInto(block.span()));
  if (cid->hash().code() == HashCode::kIdentity && !Equal(cid->hash().digest(), block.view())) {
    return absl::DataLossError("car section differs from its identity cid");
  }
  return CarBlock{*std::move(cid), std::move(block).Freeze()};
}

}  // namespace l2p
