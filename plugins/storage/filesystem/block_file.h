// The format of the filesystem store, within its folder:
//
//   path := digit "/" digit "/" name       the digits: the id's last byte, in hexadecimal
//   name := id "." size                    of a block that was synced
//         | number ".new"                  of one that was not: removed at the next start
//   id   := the multihash, multibase base32
//   size := decimal, of body
//   file := body crc
//   crc  := CRC-32C of body, 4 bytes, little-endian
#ifndef L2P_PLUGINS_STORAGE_FILESYSTEM_BLOCK_FILE_H_
#define L2P_PLUGINS_STORAGE_FILESYSTEM_BLOCK_FILE_H_

#include <optional>
#include <string>

#include "l2p/block_store.h"
#include "l2p/folder.h"

namespace l2p::filesystem {

inline constexpr char kDigits[] = "0123456789abcdef";
inline constexpr size_t kMaxId = 131;  // Of a digest of 128 bytes; its name fits every file system.
inline constexpr size_t kTrailer = 4;  // The crc.

// The two folders that a block lies in.
struct Shelf {
  char outer;
  char inner;
  friend auto operator<=>(const Shelf&, const Shelf&) = default;
};
Shelf ShelfOf(const Multihash& id);

std::string NameOf(const Multihash& id, size_t size);
std::string FreshName(uint64_t number);
bool IsFreshName(std::string_view name);

struct NamedBlock {
  Multihash id;
  uint32_t size;
};
// nullopt for anything that NameOf did not make.
std::optional<NamedBlock> ParseName(std::string_view name);

// Writes a new file; on error there is none.
absl::Status WriteBlockFile(Folder& shelf, const std::string& name, ByteView body);

// NotFound, or DataLoss when the file is not what was written.
absl::StatusOr<Bytes> ReadBlockFile(Folder& shelf, const std::string& name, size_t size);

}  // namespace l2p::filesystem

#endif  // L2P_PLUGINS_STORAGE_FILESYSTEM_BLOCK_FILE_H_
