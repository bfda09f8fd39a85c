#ifndef L2P_KERNEL_CONTENT_HOLDINGS_H_
#define L2P_KERNEL_CONTENT_HOLDINGS_H_

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "kernel/content/block_service.h"
#include "kernel/content/promise.h"
#include "kernel/content/row_turns.h"
#include "kernel/content/shares.h"
#include "l2p/service.h"
#include "l2p/state.h"

namespace l2p {

// A root: something this node's user put (or kept), shown by `l2p files`.
struct Root {
  Cid id;
  std::string name;   // The file's or folder's name as it was put; may be empty.
  uint64_t size = 0;  // Content bytes.
  Time added;
  bool local_only = false;  // put --local: never pushed.
  bool is_file = true;      // It was put (or got with --keep), not only pinned.
  bool pinned = false;
  Duration lease = absl::InfiniteDuration();  // What holders were asked for.
  Time renew_at = absl::InfiniteFuture();     // When they are asked again.
  std::string redundancy;                     // The spec it was put with.
  std::vector<Multihash> groups;              // All groups of the dag.
};

// Holdings is what this node has promised to keep: groups of blocks, each for a pusher (this node's
// own user counts as one, by its own peer id) until a time. It counts references to blocks, bytes
// by pusher, and frees a block when its last group goes. The rows live in the kernel's State, so
// they survive restarts and storage swaps.
//
// [any thread]; calls may wait on the disk.
class Holdings {
 public:
  // All lent; they outlive this. `limits` bind owners other than `self`.
  Holdings(Runtime& runtime, State& state, BlockService& blocks, PeerId self, ShareLimits limits);

  // Reads the rows, ends what has expired and reclaims what interrupted operations left in the
  // store. Before it returns nothing is served.
  absl::Status Open();

  // The last call, when nothing uses the blocks any more: the next Open need not look for what was
  // interrupted. Without it (a crash) nothing is lost, but that Open scans the store.
  absl::Status Close();

  // Room for `group` (and the record with it), kept until the Reservation goes: ResourceExhausted
  // names the setting that forbids it. When the store is full, promises whose time has passed are
  // ended first; others never are.
  absl::StatusOr<Reservation> Admit(const Group& group, const PeerId& owner,
                                    const std::string& network, size_t record_bytes = 0);

  // `until` as this node promises it: not past placement.max_lease. InvalidArgument when it has
  // passed.
  absl::StatusOr<Time> LeaseUntil(Time until) const;

  // On whose behalf, and for how long, a group is kept.
  struct Terms {
    PeerId owner;
    Time until = absl::InfiniteFuture();
    std::string record = {};   // Kept with it, unread.
    std::string network = {};  // Whence it came, see PublicNetworkOf.
  };
  // Promises to keep `group`. Makes its blocks durable first (BlockService::Sync), then commits the
  // rows: when it returns OK the group may be acknowledged. A group already held for this owner
  // keeps the later `until`, and what was held of it before: a share that changes loses nothing
  // while the other holders' shares change, too.
  // REQUIRES: an Operation holds the blocks.
  absl::Status Commit(const Group& group, const Terms& terms);
  // As above for several groups with one Sync and one commit: all of them or none.
  absl::Status Commit(std::span<const Group> groups, const Terms& terms);

  // Prolongs a promise; the Time until which it holds now. NotFound.
  absl::StatusOr<Time> Renew(const Multihash& group, const PeerId& owner, Time until);

  // Ends a promise; frees the blocks that nobody else's group needs. NotFound.
  absl::Status Release(const Multihash& group, const PeerId& pusher);

  // Ends the promises whose time has passed.
  absl::Status ReleaseExpired();

  // Frees those of `ids` that no promise and no running Operation needs: what an aborted push
  // leaves (pass what Operation::ForgetAll returned).
  absl::Status ReclaimUnneeded(std::span<const Multihash> ids);

  // Those of `ids` that no promise needs now.
  std::vector<Multihash> UnneededOf(std::span<const Multihash> ids) const;

  // A root that is there is replaced, but keeps its name if the new one has none, and what it is
  // there for.
  absl::Status AddRoot(const Root& root);
  // Replaces a root by one with the same groups. NotFound.
  absl::Status UpdateRoot(const Root& root);
  // Ends the promises for the root's groups that no other root needs, too; commits `also` with it.
  // NotFound. After another error the root may have gone all the same, and blocks be left.
  absl::Status RemoveRoot(const Cid& id, std::vector<State::Change> also = {});
  absl::StatusOr<std::vector<Root>> Roots() const;  // By time added, then id.

  // A held group as one promise has it: the first by pusher with a record, or as FindGroup.
  // NotFound.
  absl::StatusOr<HeldGroups::Content> FindContent(const Multihash& group) const;
  // The blocks of a held group: all of it if this node's own user keeps it. NotFound.
  absl::StatusOr<Group> FindGroup(const Multihash& group) const;
  // The records of the promises for a group that have one, by pusher, of at most `most` promises.
  struct HeldRecord {
    PeerId pusher;
    std::string bytes;
  };
  absl::StatusOr<std::vector<HeldRecord>> FindRecords(const Multihash& group, size_t most) const;

  std::vector<HeldGroup> List(const Multihash& after, size_t most) const;  // As HeldGroups::List.
  std::vector<Multihash> Groups() const;  // Every held group, sorted: what the node announces.
  std::vector<HeldGroup> HeldFor(const PeerId& pusher) const;
  // With overhead and with what is being received.
  uint64_t BytesFor(const PeerId& owner) const { return shares_.BytesFor(owner); }
  uint64_t TotalBytes() const { return shares_.TotalBytes(); }

  // Counts as a root that needs `groups` until Unwant, which ends this node's own promises for
  // those that no root needs. For drafts of roots.
  void Want(std::span<const Multihash> groups);
  absl::Status Unwant(std::span<const Multihash> groups);
  bool IsWanted(const Multihash& group) const;  // By some root or draft.

  const PeerId& self() const { return self_; }

 private:
  using Key = std::pair<Multihash, PeerId>;

  absl::Status ReadPromises();
  absl::Status ReadRoots();
  absl::Status ReleaseStale();
  absl::Status ReclaimLeftovers();
  absl::StatusOr<std::vector<Key>> Incomplete();
  absl::StatusOr<bool> IsWhole(const Key& key);
  absl::StatusOr<HeldGroups::Content> FindOwnFirst(const Multihash& group) const;
  absl::StatusOr<HeldGroups::Content> ContentOf(const Key& key) const;
  absl::StatusOr<std::optional<Promise>> LoadPromise(const Key& key) const;
  absl::Status ReleaseInTurn(const Key& key);
  absl::Status ReleaseUnwanted(const Multihash& group);
  void Remember(const Key& key, const Promise& promise);
  void Forget(const Key& key);
  void CountReferences(const Promise& promise, int by);

  Runtime& runtime_;
  State& state_;
  BlockService& blocks_;
  const PeerId self_;
  Shares shares_;
  RowTurns turns_;
  mutable Mutex mutex_{"Holdings"};
  // A row of promises, without its lists.
  struct Row {
    HeldGroup held;
    std::string network;
    uint64_t blocks = 0;
    uint64_t record_bytes = 0;

    Shares::Load load() const;
  };
  std::map<Key, Row> held_ L2P_GUARDED_BY(mutex_);
  std::map<Multihash, int> wanted_ L2P_GUARDED_BY(mutex_);  // By how many roots and drafts.
  // How many promises have a block, by a 64-bit fingerprint of its id: 20 bytes for each block. Two
  // blocks with one fingerprint only keep each other longer than needed.
  absl::flat_hash_map<uint64_t, uint32_t> references_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p

#endif  // L2P_KERNEL_CONTENT_HOLDINGS_H_
