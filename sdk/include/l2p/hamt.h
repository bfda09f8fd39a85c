// Large UnixFS directories: a hash array mapped trie of dag-pb nodes called shards
// (https://specs.ipfs.tech/unixfs/#hamt-sharded-directories).
//
// The murmur3 hash of an entry's name picks a slot in the root shard with its first bits, a slot in
// the child shard below with the next, and so on. A child exists only where names share a slot.
#ifndef L2P_HAMT_H_
#define L2P_HAMT_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "l2p/dag_pb.h"
#include "l2p/status.h"

namespace l2p {

inline constexpr uint64_t kHamtHashType = 0x22;   // murmur3-x64-64
inline constexpr uint32_t kHamtFanout = 256;      // What everybody writes.
inline constexpr uint32_t kMaxHamtFanout = 1024;  // What readers accept.

// The first 8 bytes of murmur3 x64 128 of `name`, as a big-endian number.
L2P_SDK_API uint64_t HamtHash(std::string_view name);

// Stores a finished block and says how links name it.
using StoreShard = std::function<absl::StatusOr<Cid>(std::string block)>;

// Builds the trie of `entries` with fanout kHamtFanout, handing each shard to `store`, children
// before parents. Returns the link to the root (with an empty name): its tsize counts the shards
// and the tsizes of the entries. The order of `entries` does not matter.
// InvalidArgument when a name is not allowed (CheckEntryName), occurs twice, or shares all 64 bits
// of its hash with another; errors of `store` are passed on.
L2P_SDK_API absl::StatusOr<DagLink> BuildHamt(std::vector<DagLink> entries,
                                              const StoreShard& store);

struct HamtEntry {
  uint32_t slot = 0;
  std::string name;  // Without the slot's digits, as found: CheckEntryName before using it on disk.
                     // Empty for a child shard.
  Cid cid;
  uint64_t tsize = 0;

  bool is_shard() const { return name.empty(); }
};

struct HamtShard {
  uint32_t fanout = 0;
  std::vector<HamtEntry> entries;  // In slot order, at most one for each slot.
};

// InvalidArgument when `node` is no shard, its fanout is not a power of two from 8 to
// kMaxHamtFanout, its hash is not murmur3, a link's name lacks the slot's digits, the links are not
// in slot order, or the bitmap does not say exactly which slots are used.
L2P_SDK_API absl::StatusOr<HamtShard> DecodeHamtShard(const DagNode& node);

// Follows one name from the root shard down.
class L2P_SDK_API HamtLookup {
 public:
  explicit HamtLookup(std::string_view name) : name_(name), hash_(HamtHash(name)) {}

  // The entry of `shard` that the name leads to: the entry itself, or a child shard (is_shard()) to
  // fetch, decode and Step into next. NotFound when there is none; InvalidArgument when the bits of
  // the hash are used up, so a chain of shards ends however it was made.
  absl::StatusOr<HamtEntry> Step(const HamtShard& shard);

 private:
  std::string name_;
  uint64_t hash_;
  int used_bits_ = 0;
};

}  // namespace l2p

#endif  // L2P_HAMT_H_
