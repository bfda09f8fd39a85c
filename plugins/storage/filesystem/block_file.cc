#include "block_file.h"

#include <array>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "crc32c.h"
#include "l2p/multibase.h"

namespace l2p::filesystem {
namespace {

constexpr char kFresh[] = ".new";

std::array<uint8_t, kTrailer> TrailerOf(ByteView body) {
  const uint32_t crc = Crc32c(body);
  return {static_cast<uint8_t>(crc), static_cast<uint8_t>(crc >> 8),
          static_cast<uint8_t>(crc >> 16), static_cast<uint8_t>(crc >> 24)};
}

}  // namespace

Shelf ShelfOf(const Multihash& id) {
  const uint8_t last = id.binary().back();
  return {kDigits[last >> 4], kDigits[last & 15]};
}

std::string NameOf(const Multihash& id, size_t size) {
  return absl::StrCat(id.ToString(), ".", size);
}

std::string FreshName(uint64_t number) { return absl::StrCat(number, kFresh); }

bool IsFreshName(std::string_view name) { return name.ends_with(kFresh); }

std::optional<NamedBlock> ParseName(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const absl::StatusOr<std::string> binary = DecodeMultibase(name.substr(0, dot));
  if (!binary.ok()) return std::nullopt;
  const absl::StatusOr<Multihash> id = Multihash::FromBinary(AsBytes(*binary));
  uint32_t size = 0;
  if (!id.ok() || !absl::SimpleAtoi(av(name.substr(dot + 1)), &size)) return std::nullopt;
  if (NameOf(*id, size) != name) return std::nullopt;
  return NamedBlock{*id, size};
}

absl::Status WriteBlockFile(Folder& shelf, const std::string& name, ByteView body) {
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, shelf.Open(name, Folder::Mode::kNew));
  const std::array<uint8_t, kTrailer> trailer = TrailerOf(body);
  const ByteView parts[] = {body, trailer};
  const absl::Status written = file->Write(0, parts);
  // If the removal fails too, the next start does it.
  if (!written.ok()) shelf.Remove(name).IgnoreError();
  return written;
}

absl::StatusOr<Bytes> ReadBlockFile(Folder& shelf, const std::string& name, size_t size) {
  L2P_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, shelf.Open(name, Folder::Mode::kRead));
  // One byte more than there should be: a file that has grown is damaged as well.
  Buffer buffer = Buffer::Unbudgeted(size + kTrailer + 1);
  L2P_ASSIGN_OR_RETURN(const size_t read, file->Read(0, buffer.span()));
  const ByteView content = buffer.view().first(read);
  if (read != size + kTrailer || !Equal(content.subspan(size), TrailerOf(content.first(size)))) {
    return absl::DataLossError(absl::StrCat("file ", name, " is damaged"));
  }
  return std::move(buffer).Freeze().Slice(0, size);
}

}  // namespace l2p::filesystem
