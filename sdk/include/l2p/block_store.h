#ifndef L2P_BLOCK_STORE_H_
#define L2P_BLOCK_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "l2p/bytes.h"
#include "l2p/multihash.h"
#include "l2p/status.h"

namespace l2p {

// A block and its name. At most kMaxBlock bytes.
struct Block {
  Multihash id;
  Bytes data;
};
inline constexpr size_t kMaxBlock = 2 * 1024 * 1024;

// Reads blocks: out[i] answers ids[i]. May wait; called by one task at a time.
using BlockReader =
    std::function<void(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out)>;

// A BlockStore keeps immutable blocks under their multihash.
//
// [any thread]; calls may overlap and may wait on the disk; they never call back into the kernel.
// Spans of results have as many items as the span of arguments; item i answers argument i.
class L2P_SDK_API BlockStore {
 public:
  static constexpr char kKind[] = "storage";

  // Promises nothing: what was not Synced may be lost.
  virtual ~BlockStore();

  // Makes each block readable under its id. A block that is already present is OK and changes
  // nothing. The store need not check the hash: the caller did. out[i] is ResourceExhausted when
  // the disk is full: other blocks may be in, and the store stays usable.
  virtual void Put(std::span<const Block> blocks, std::span<absl::Status> out) = 0;

  // out[i]: the block's bytes, NotFound, or DataLoss when what is stored is damaged. Never other
  // bytes than those that were put. The Bytes stay valid whatever happens to the store.
  virtual void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) = 0;

  // out[i]: the block's size in bytes, or -1 when it is absent. Reads no block.
  virtual absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out) = 0;

  // Removes the blocks; an absent one is OK. Space is given back over time.
  virtual void Delete(std::span<const Multihash> ids, std::span<absl::Status> out) = 0;

  // Up to `most` ids, resuming after the token of the answer before ("" to begin); an empty token
  // in the answer means the end. A block that is present during the whole scan is seen exactly
  // once; one that is put or deleted meanwhile may or may not be.
  struct Page {
    std::vector<Multihash> ids;
    std::string token;
  };
  virtual absl::StatusOr<Page> Scan(const std::string& token, size_t most) = 0;

  struct StoreUsage {
    uint64_t blocks = 0;
    uint64_t bytes = 0;       // Of blocks.
    uint64_t disk_bytes = 0;  // Taken on disk, overhead and space not yet given back included.
    bool durable = true;      // False for a store that forgets when the process ends.
  };
  virtual StoreUsage Usage() = 0;

  // Makes durable: every Put and Delete that returned before this call began survives a power cut.
  virtual absl::Status Sync() = 0;
};

// One block: free functions for callers with a single one.
L2P_SDK_API absl::Status PutOne(BlockStore& store, const Block& block);
L2P_SDK_API absl::StatusOr<Bytes> GetOne(BlockStore& store, const Multihash& id);

}  // namespace l2p

#endif  // L2P_BLOCK_STORE_H_
