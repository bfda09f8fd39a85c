#ifndef L2P_SERVICE_H_
#define L2P_SERVICE_H_

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "l2p/block_store.h"
#include "l2p/cid.h"
#include "l2p/group.h"
#include "l2p/messenger.h"
#include "l2p/router.h"

namespace l2p {

// NodeBlocks is a node's blocks, and through it the network's. [any thread]
class L2P_SDK_API NodeBlocks {
 public:
  virtual ~NodeBlocks();

  // From this node's own store: as BlockStore::Get and Has.
  virtual void Get(std::span<const Multihash> ids, std::span<absl::StatusOr<Bytes>> out) = 0;
  virtual absl::Status Has(std::span<const Multihash> ids, std::span<int64_t> out) = 0;

  // Stores blocks after checking that each hashes to its id (DataLoss if not), within the quota
  // (ResourceExhausted). What no promise and no pin needs may be freed at any time afterwards.
  virtual absl::Status Put(std::span<const Block> blocks) = 0;

  // Blocks of `group` from here or from the group's holders, verified; out[i] is the verdict when
  // ids[i] cannot be had by `deadline`. At most BlockReader's 4096 at once.
  virtual void Fetch(const Multihash& group, std::span<const Multihash> ids, Time deadline,
                     std::span<absl::StatusOr<Bytes>> out) = 0;
};

// A group that a node has promised to keep.
struct HeldGroup {
  Multihash group;
  PeerId owner;        // For whom: who put it; the node's own user is the node itself.
  Time until;          // InfiniteFuture for ever.
  uint64_t bytes = 0;  // Of its blocks that are kept here.
};

// One of this node's own files or folders.
struct OwnObject {
  Cid id;
  std::string name;
  std::string redundancy;  // As it was put with; empty if it was never pushed.
  std::vector<Multihash> groups;
};

// HeldGroups is what a node has promised to keep, and what its own user has put. [any thread]; all
// may wait on the disk.
class L2P_SDK_API HeldGroups {
 public:
  virtual ~HeldGroups();

  // Up to `most` promises, sorted by group and owner, of groups past `after` ({} to begin). All
  // promises for one group are in one answer, which may therefore be longer; empty at the end.
  virtual std::vector<HeldGroup> List(const Multihash& after, size_t most) = 0;

  // What is kept of `group`: its blocks here, what was pushed with them (`record`, a signed
  // GroupRecord if it was put with one) and until when: a lease that was renewed is longer than the
  // record says. NotFound.
  struct Content {
    Group blocks;
    std::string record;
    Time until = absl::InfiniteFuture();
  };
  virtual absl::StatusOr<Content> Find(const Multihash& group) = 0;

  // Blocks of held groups that this node has lost (found absent or damaged), up to `most`, sorted.
  // They leave the list when they are put again.
  struct Lost {
    Multihash group;
    BlockRef block;
  };
  virtual std::vector<Lost> LostBlocks(size_t most) = 0;

  // Promises to keep `content` for held.owner until held.until (held.bytes is ignored): stores
  // `blocks`, which with those already here are all of it, makes them durable and announces the
  // group. ResourceExhausted names the quota.
  virtual absl::Status Keep(const HeldGroup& held, const Content& content,
                            std::span<const Block> blocks) = 0;

  // Ends a promise; NotFound.
  virtual absl::Status Release(const Multihash& group, const PeerId& owner) = 0;

  // What this node's user has put, by time.
  virtual absl::StatusOr<std::vector<OwnObject>> Objects() = 0;
};

// What a peer did, as far as this node's opinion of it is concerned.
enum class Conduct {
  kServed,       // Gave blocks that were right; `amount` bytes.
  kWrongBytes,   // Gave others.
  kRefused,      // Would not do what peers of its kind do.
  kTimedOut,     // Could not be reached or fell silent.
  kAuditPassed,  // Proved that it has what it promised to keep.
  kAuditFailed,
};

// NodePeers is a node's view of other peers: who has what, who should, and what this node thinks of
// them. [any thread]
class L2P_SDK_API NodePeers {
 public:
  virtual ~NodePeers();

  // As Router::FindProviders.
  virtual absl::StatusOr<std::unique_ptr<ProviderQuery>> FindProviders(const Multihash& key,
                                                                       size_t most,
                                                                       Time deadline) = 0;

  // Whom to ask to hold `group`, in the order in which every node asks them (docs/protocol.md,
  // "Candidates"), without those this node shuns.
  virtual absl::StatusOr<std::vector<PeerInfo>> Candidates(const Multihash& group,
                                                           Time deadline) = 0;

  // Asks `holder` to keep `content` until `until`, reading what it lacks by `read`. OK when it has
  // promised. ResourceExhausted with its own words when it refuses; Unavailable, DeadlineExceeded.
  virtual absl::Status Push(const PeerInfo& holder, const HeldGroups::Content& content, Time until,
                            const BlockReader& read) = 0;

  // Adds to this node's opinion of `peer`.
  virtual void Note(const PeerId& peer, Conduct conduct, uint64_t amount = 1) = 0;

  // Above 0 for good conduct, below for bad; both fade. At `kShunned` and below a peer is given and
  // asked for nothing that another can take or give.
  static constexpr double kShunned = -50;
  virtual double Score(const PeerId& peer) = 0;
};

// Node is what a Service sees of the node it extends. [any thread]; outlives the Service.
class L2P_SDK_API Node {
 public:
  virtual ~Node();

  virtual NodeBlocks& blocks() = 0;
  virtual HeldGroups& groups() = 0;
  virtual NodePeers& peers() = 0;

  // Requests, streams and served protocols of this service's own.
  virtual Messenger& messenger() = 0;
};

// A Service is an add-on that uses a node through the narrow Node interface: a gateway, another
// exchange protocol, a keeper of redundancy.
class L2P_SDK_API Service {
 public:
  static constexpr char kKind[] = "service";
  virtual ~Service();

  // Called once each. `node` is lent until Stop returns; after Stop no task of the service runs.
  // Services start in the order of service.plugin and stop in the reverse order; one whose Start
  // failed is not stopped.
  virtual absl::Status Start(Node& node) = 0;
  virtual void Stop() = 0;
};

}  // namespace l2p

#endif  // L2P_SERVICE_H_
