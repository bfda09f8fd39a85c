#ifndef L2P_KERNEL_NETWORK_PLACEMENT_H_
#define L2P_KERNEL_NETWORK_PLACEMENT_H_

#include <deque>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "kernel/content/block_service.h"
#include "kernel/content/holdings.h"
#include "kernel/loader/slot.h"
#include "kernel/network/group_push.h"
#include "kernel/network/group_records.h"
#include "kernel/network/peer_scores.h"
#include "kernel/network/piece_source.h"
#include "kernel/network/push_receiver.h"
#include "kernel/network/push_turns.h"
#include "l2p/crypto.h"
#include "l2p/group.h"
#include "l2p/memory.h"
#include "l2p/redundancy.h"
#include "l2p/router.h"

namespace l2p {

// Placement stores groups on other nodes and keeps for others what they push here
// (/l2p/push/1.0.0; docs/protocol.md): durable acknowledgements, quotas, retries of missing copies.
//
// Candidates for a group are the peers closest to its id, in the order of H(group id, peer id): the
// first that accept take its places, and with each place a share: the whole group, or one piece of
// each stripe. Where too many refuse, a put goes on with those farther away.
//
// [any thread] between Start and Stop.
class Placement {
 public:
  static constexpr size_t kMaxGroupsAtOnce = 2;  // Of one put.
  static constexpr size_t kMaxPushTasks = 96;    // Over which no further group is begun.
  static constexpr size_t kMaxRetries = 10'000;  // Groups whose missing shares are tried again.
  static constexpr size_t kMaxRefusals = 8;      // That an Outcome tells of.
  static constexpr size_t kMostRounds = 4;       // Of a put: each asks among twice as many.

  struct Options {
    size_t candidates = 40;                   // placement.candidates
    Duration first_peer = absl::Seconds(10);  // How long a put waits for the first bootstrap.
    Duration retry_period = absl::Seconds(30);
  };

  // All lent; they outlive this.
  struct Parts {
    Runtime& runtime;
    Memory& memory;
    BlockService& blocks;
    Holdings& holdings;
    PluginSlot<Router>& router;
    Messenger& messenger;
    const Crypto& crypto;
    const Identity& identity;
    PeerScores& scores;
  };
  Placement(Parts parts, Options options);
  ~Placement();

  absl::Status Start();
  // Begins the end: waits until no peer is pushing here, at most until `deadline`.
  void WaitForPushes(Time deadline);
  void Stop();

  // Whom to ask to hold `group`, in this order; without those that this node shuns.
  absl::StatusOr<std::vector<PeerInfo>> Candidates(const Multihash& group, Time deadline);

  // How far one put has come. Bytes are of blocks and pieces, each counted once per holder.
  struct Progress {
    uint64_t acknowledged_bytes = 0;  // On the holders' disks.
    uint64_t wanted_bytes = 0;        // So far known: grows while groups are still being cut.
    size_t peers = 0;                 // Holders with a promise.
    size_t groups = 0;
    size_t groups_complete = 0;  // With all holders asked for.
    size_t fewest_copies = 0;    // Holders of the group that has fewest.
  };

  // One put's pushes. Add hands a complete group over and waits only while too many are under way;
  // Finish waits for all acknowledgements that can be had. One task at a time; progress() from
  // [any thread]. Destroying it waits for what is under way.
  class Push {
   public:
    virtual ~Push() = default;
    virtual absl::Status Add(Group group) = 0;

    struct Outcome {
      Redundancy redundancy;              // As settled for this swarm.
      size_t copies_wanted = 0;           // Holders of a group.
      size_t fewest_copies = 0;           // Of the group that lacks most; copies_wanted if none.
      bool recoverable = false;           // Every group can be had without this node.
      size_t holders = 0;                 // Distinct holders of all groups.
      std::vector<std::string> refusals;  // "12D3...: storage.quota is used up", at most 8.
      std::vector<std::string> receipts;  // Of all holders and groups, signed; if asked for.
    };
    virtual absl::StatusOr<Outcome> Finish() = 0;
    virtual Progress progress() const = 0;
  };
  // Holders are asked to keep what is pushed until `until`.
  std::unique_ptr<Push> NewPush(const Redundancy& redundancy, Time until,
                                bool keep_receipts = false);

  // Of all pushes of this node.
  PushTurns& turns() { return turns_; }

  // Groups put here that have fewer holders than asked for and are tried again.
  size_t waiting();

 private:
  class PushOfOnePut;

  // A group of which some places are free.
  struct Retry {
    Multihash group;
    Redundancy redundancy;        // Settled, of the put.
    std::vector<PeerId> holders;  // By place.
    Time until;
    Time not_before = absl::InfinitePast();
    Duration pause = absl::ZeroDuration();  // Before the last try.
  };

  bool stopping();
  void NoteFailure(const PeerId& holder, const absl::Status& why);
  void RetryLater(Retry retry);
  void RetryMissing();
  bool RetryOne(Retry& retry);
  absl::StatusOr<std::unique_ptr<PieceSource>> SourceOf(const Group& group,
                                                        const Redundancy& redundancy);
  absl::StatusOr<std::string> RecordOf(const GroupPush& push, const Redundancy& redundancy,
                                       std::vector<PeerId> holders, Time until);
  void RunPush(GroupPush& push, const Redundancy& redundancy, Time until);
  void AskFarther(GroupPush& push, const Redundancy& redundancy, Time until);
  absl::StatusOr<std::vector<PeerInfo>> Closest(const Multihash& group, size_t most, Time deadline);

  const Parts parts_;
  const Options options_;
  PushReceiver receiver_;
  PushTurns turns_;
  Mutex mutex_{"Placement"};
  size_t push_tasks_ L2P_GUARDED_BY(mutex_) = 0;
  const std::unique_ptr<Event> push_ended_;
  std::deque<Retry> retries_ L2P_GUARDED_BY(mutex_);
  bool stopped_ L2P_GUARDED_BY(mutex_) = false;
  std::unique_ptr<Registration> retry_timer_;
  std::unique_ptr<Registration> records_;
  TaskGroup pushes_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_PLACEMENT_H_
