#ifndef L2P_PLUGINS_STORAGE_PACK_BLOCK_TABLE_H_
#define L2P_PLUGINS_STORAGE_PACK_BLOCK_TABLE_H_

#include <cstdint>
#include <vector>

#include "pack_format.h"

namespace l2p::pack {

// Where a live block is.
struct Location {
  uint32_t segment = 0;
  uint32_t unit = 0;
  RecordShape shape;
  bool damaged = false;  // A read found its bytes changed: the next Put replaces it.

  uint64_t offset() const { return uint64_t{unit} * kAlignment; }
  bool IsAt(uint32_t other_segment, uint32_t other_unit) const {
    return segment == other_segment && unit == other_unit;
  }
};

// The live blocks of a pack by key, in 28 bytes each and little more: leaves of sorted entries
// under one sorted list of leaves. One thread at a time.
class BlockTable {
 public:
  struct Item {
    Key key;
    Location location;
  };

  size_t size() const { return size_; }

  // False when `key` is absent.
  bool Find(const Key& key, Location& out) const;
  // Inserts or replaces.
  void Set(const Key& key, const Location& location);
  void Erase(const Key& key);

  // Adds at the end. REQUIRES: `key` is greater than all that are in.
  void Append(const Key& key, const Location& location);

  // Up to `most` items with a key greater than `after` (from the first when null), in order.
  std::vector<Item> After(const Key* after, size_t most) const;

  // All items whose key has this prefix, in order.
  std::vector<Item> WithPrefix(uint32_t prefix) const;

 private:
  struct Entry {
    Key key;
    uint32_t segment;
    uint32_t unit;
    uint32_t what;  // As in an index entry; the top bit says damaged.
  };
  static_assert(sizeof(Entry) == 28);
  struct Leaf {
    Key low;  // Entries are not less (but the first leaf's may be), and less than the next leaf's.
    std::vector<Entry> entries;
  };

  static Entry Pack(const Key& key, const Location& location);
  static Location Unpack(const Entry& entry);
  size_t LeafOf(const Key& key) const;  // REQUIRES: !leaves_.empty().
  void Split(size_t leaf);

  std::vector<Leaf> leaves_;
  size_t size_ = 0;
};

}  // namespace l2p::pack

#endif  // L2P_PLUGINS_STORAGE_PACK_BLOCK_TABLE_H_
