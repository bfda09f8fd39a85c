#ifndef L2P_KERNEL_CONTENT_HOLDINGS_H_
#define L2P_KERNEL_CONTENT_HOLDINGS_H_

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "kernel/content/block_service.h"
#include "kernel/content/group.h"
#include "l2p/peer_id.h"
#include "l2p/state.h"

namespace l2p {

// A root: something this node's user put (or kept), shown by `l2p files`.
struct Root {
  Cid id;
  std::string name;   // The file's or folder's name as it was put; may be empty.
  uint64_t size = 0;  // Content bytes.
  Time added;
  bool local_only = false;        // put --local: never pushed.
  std::string redundancy;         // The spec it was put with.
  std::vector<Multihash> groups;  // All groups of the dag.
};

// Holdings is what this node has promised to keep: groups of blocks, each for a pusher (this node's
// own user counts as one, by its own peer id) until a time. It counts references to blocks, bytes
// by pusher, and frees a block when its last group goes. The rows live in the kernel's State, so
// they survive restarts and storage swaps.
//
// [any thread]; calls may wait on the disk.
class Holdings {
 public:
  struct Held {
    Multihash group;
    PeerId pusher;
    Time until;  // InfiniteFuture for ever.
    uint64_t bytes = 0;
  };

  // All lent; they outlive this. `quota_per_peer` bounds the bytes held for one pusher other than
  // `self`.
  Holdings(Runtime& runtime, State& state, BlockService& blocks, PeerId self,
           uint64_t quota_per_peer);

  // Reads the rows and reclaims what interrupted operations left in the store. Before it returns
  // nothing is served.
  absl::Status Open();

  // Whether `bytes` more may be held for `pusher`: ResourceExhausted names placement.quota_per_peer
  // or storage.quota. Reserves nothing.
  absl::Status Admits(const PeerId& pusher, uint64_t bytes) const;

  // Promises to keep `group` for `pusher`. Makes its blocks durable first (BlockService::Sync),
  // then commits the rows: when it returns OK the group may be acknowledged. A group already held
  // by this pusher keeps the later `until`.
  absl::Status Commit(const Group& group, const PeerId& pusher, Time until);

  // Ends a promise; frees the blocks that nobody else's group needs. NotFound.
  absl::Status Release(const Multihash& group, const PeerId& pusher);

  absl::Status AddRoot(const Root& root);
  // Ends the promises for the root's groups that no other root needs, too. NotFound.
  absl::Status RemoveRoot(const Cid& id);
  absl::StatusOr<std::vector<Root>> Roots() const;  // By time added, then id.

  // The blocks of a held group; NotFound.
  absl::StatusOr<Group> FindGroup(const Multihash& group) const;

  std::vector<Multihash> Groups() const;  // Every held group, sorted: what the node announces.
  std::vector<Held> HeldFor(const PeerId& pusher) const;
  uint64_t BytesFor(const PeerId& pusher) const;

 private:
  Runtime& runtime_;
  State& state_;
  BlockService& blocks_;
  const PeerId self_;
  const uint64_t quota_per_peer_;
  mutable Mutex mutex_{"Holdings"};
  std::map<std::pair<Multihash, PeerId>, Held> held_ L2P_GUARDED_BY(mutex_);
  std::map<PeerId, uint64_t> bytes_by_pusher_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_HOLDINGS_H_
