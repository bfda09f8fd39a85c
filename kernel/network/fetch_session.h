#ifndef L2P_KERNEL_NETWORK_FETCH_SESSION_H_
#define L2P_KERNEL_NETWORK_FETCH_SESSION_H_

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "kernel/network/exchange.h"
#include "l2p/crypto.h"
#include "l2p/sidecar.h"
#include "l2p/tasks.h"

namespace l2p {

// A FetchSession is one reader: it looks in this node's store, then finds the holders of what is
// missing and fetches from many at once.
//
// Each holder has one stream and one task, which asks which blocks the holder has, keeps as many
// bytes on the way as suits its speed, and verifies what comes. A holder that has nothing left to
// do takes over blocks of slower ones. One that sends wrong bytes is left for good; one that is
// silent for 3 round trips (the 90th percentile of those to it) and a second, or slower than an
// eighth of the others' median, loses its outstanding blocks to the others. Where this node's own
// link is what is slow, what the others are sending comes first, and is waited for before.
//
// A block that no serving holder has is part of a stripe that has to be restored, if a sidecar of
// the groups found so far says so; else it is the root of another group, and its holders are looked
// up by its id (docs/protocol.md, "Groups").
//
// [any thread]. Tasks keep the session alive until they have seen that it has Ended, so that ending
// never waits for a peer.
class FetchSession : public std::enable_shared_from_this<FetchSession> {
 public:
  static constexpr size_t kMaxHolders = 64;       // At once in one session.
  static constexpr size_t kMaxSearches = 4;       // Provider lookups at once, for missing blocks.
  static constexpr size_t kMaxAllSearches = 8;    // With those whose block has come.
  static constexpr size_t kProvidersWanted = 48;  // By one lookup: all holders of a coded group.
  static constexpr int kMaxAttempts = 3;          // To reach one holder.
  static constexpr int kMaxSearchesPerBlock = 2;
  static constexpr size_t kMaxRestores = 2;          // Stripes that are being restored at once.
  static constexpr size_t kMaxLocalNodes = 256;      // Remembered in one session.
  static constexpr size_t kMaxSidecars = 16;         // Kept in one session.
  static constexpr size_t kFirstTarget = 512 << 10;  // Bytes asked of a holder not yet measured.
  static constexpr size_t kLeastTarget = 2 << 20;    // And of one that was, however slow.
  static constexpr size_t kLeastLine = 2 << 20;      // And of all, however slow this node's link.
  static constexpr size_t kLooks = 16;               // Of Watch, that are remembered: four seconds.
  static constexpr uint32_t kUnknownSize = 256 * 1024;

  struct Parts {  // All lent; they outlive the session and its tasks.
    Runtime& runtime;
    Memory& memory;
    BlockService& blocks;
    PluginSlot<Router>& router;
    Messenger& messenger;
    const Exchange::Peers& peers;
    const Crypto& crypto;
    TaskGroup& tasks;
  };
  FetchSession(Parts parts, Exchange::Options options, bool local_only);

  void Begin();  // Once, after the session is held by a shared_ptr.
  void End();    // Nothing is delivered after it: Next answers Aborted. Idempotent.

  // As BlockSource and Exchange::Session.
  void Want(std::span<const BlockSource::Wanted> wanted);
  absl::StatusOr<BlockSource::Arrived> Next(Time deadline);
  std::vector<Exchange::Served> served() const;
  void FindHolders(const Multihash& group);

 private:
  friend class HolderTask;
  friend class RestoreTask;
  struct Holder;

  // What arrives for a RestoreTask, or for who learns of a group.
  using Basket = std::map<Multihash, Bytes>;

  // A block that is wanted and has not arrived.
  struct Item {
    uint32_t size = 0;  // As expected; what it counts for until it arrives.
    std::vector<uint64_t> tags;
    bool in_network = false;        // Not here: to be fetched.
    std::vector<Holder*> holders;   // That said they have it.
    std::vector<Holder*> assigned;  // That were asked for it.
    enum class Search { kNone, kQueued, kRunning, kDone } search = Search::kNone;
    uint64_t search_number = 0;  // Of the running one.
    int searches = 0;
    size_t providers_found = 0;
    Time searched_at = absl::InfinitePast();
    bool is_node = false;                          // Has links.
    bool probe = false;                            // Not to be fetched: only who has it is asked.
    bool restoring = false;                        // By a RestoreTask.
    absl::Status restore_error;                    // Of the last one that could not.
    std::vector<std::shared_ptr<Basket>> baskets;  // Of the tasks that want it.

    // Whether it said that it has it.
    bool IsAt(const Holder& holder) const {
      return std::find(holders.begin(), holders.end(), &holder) != holders.end();
    }
  };

  struct KnownSidecar {
    std::weak_ptr<const Sidecar> kept;  // Until others need its room.
    bool is_refused = false;            // It is of no use.
    bool fetched_again = false;
  };

  // A group whose holders were found. Its sidecars, if it is coded, are asked for when a block
  // turns out to be missing.
  struct FoundGroup {
    std::vector<PeerInfo> holders;  // Some of them; more may be found.
    std::set<PeerId> asked;
    bool learnt = false;  // Others are asked only when what it has taught proves useless.
    std::map<Multihash, KnownSidecar> sidecars;
    bool asked_again = false;     // All holders, before blocks are given up.
    bool searched_again = false;  // For want of pieces.
    enum class State { kUnasked, kAsking, kAsked } state = State::kUnasked;
  };
  using StripeKey = std::pair<std::shared_ptr<const Sidecar>, size_t>;

  // One peer that may have blocks. Never removed, so tasks may keep a reference.
  struct Holder {
    explicit Holder(PeerInfo peer) : info(std::move(peer)) {}

    PeerInfo info;
    enum class State { kStarting, kServing, kLeft } state = State::kStarting;
    bool has_task = false;  // Or is about to get it. At most one: until its Leave.
    absl::Status why_left;
    Time retry_at = absl::InfiniteFuture();  // When one that left may be tried again.
    int attempts = 0;
    Time no_room_since = absl::InfiniteFuture();  // It was busy, and sent no block since.
    bool wrong = false;                           // Sent bad bytes: never again.
    std::set<Multihash> unanswered;               // Presence asked, or to be asked.
    std::deque<Multihash> to_ask;                 // The latter.
    std::deque<Multihash> available;  // It has these; may be assigned or gone meanwhile.
    std::deque<Multihash> assigned;   // Asked for and not arrived, in order.
    size_t outstanding = 0;           // Their bytes.
    uint64_t bytes = 0;
    uint64_t blocks = 0;
    uint64_t bad = 0;
    Duration round_trip = absl::ZeroDuration();  // The longest answer about presence.
    // What came while something was outstanding, in the span of kRateSpan before and the one since.
    struct Span {
      uint64_t bytes = 0;
      Duration busy = absl::ZeroDuration();
    };
    Span before, lately;
    Time busy_since = absl::InfiniteFuture();     // Something is outstanding.
    Time counted_since = absl::InfiniteFuture();  // Of that, what `lately` does not have.
    bool was_slow = false;  // And left for it; asked again, it is the last resort.
    Time last_progress = absl::InfinitePast();
    Time silent_since = absl::InfinitePast();  // Later, if others came first.
    // What received_ will be when all has come that was asked of the others before: before its
    // last progress, and before busy_since.
    uint64_t silent_from = 0;
    uint64_t busy_from = 0;
    uint64_t received_then = 0;   // At the last look at silent_since.
    std::shared_ptr<Event> work;  // Set when its task has something to do.
  };

  bool ended() const {
    MutexLock lock(mutex_);
    return ended_;
  }
  void LookLocally();
  bool IsFirstSearch(const Multihash& id) const;
  void Search(const Multihash& id, uint64_t number);
  void WaitForFirstPeer(Router& router);
  Item* EndSearch(const Multihash& id, uint64_t number) L2P_REQUIRES(mutex_);
  void AddHolder(PeerInfo info) L2P_REQUIRES(mutex_);
  void Watch();
  // Starts what the state calls for: local look-ups, searches, holders' tasks.
  void StartTasks() L2P_EXCLUDES(mutex_);

  // coded_groups.cc: what is missing and can be restored.
  bool TryRestore(const Multihash& id, Item& item) L2P_REQUIRES(mutex_);
  const PeerInfo* NextToAsk(const FoundGroup& group) const L2P_REQUIRES(mutex_);
  void LearnOf(const Multihash& group);
  bool NeedsSidecar(const Multihash& id, const Multihash& group);
  void KeepSidecar(const Multihash& id, std::shared_ptr<const Sidecar> sidecar)
      L2P_REQUIRES(mutex_);
  static void AskOthers(FoundGroup& group);
  bool MayLearnMore() L2P_REQUIRES(mutex_);
  void Refuse(const std::shared_ptr<const Sidecar>& sidecar, const absl::Status& why)
      L2P_REQUIRES(mutex_);
  void GoOnWithout(const StripeKey& stripe, const absl::Status& why) L2P_REQUIRES(mutex_);
  std::shared_ptr<const Sidecar> FetchSidecar(const Multihash& id, const Multihash& group);
  void Promote(const Multihash& id, Item& item) L2P_REQUIRES(mutex_);

  // Waits until `done`; false when nothing has come from anyone for as long as this reader has
  // patience.
  bool AwaitWhileAnythingComes(const std::function<bool()>& done);

  // For RestoreTask. Blocks are items with its basket until they are dropped.
  void Ask(const std::vector<BlockRef>& blocks, const std::shared_ptr<Basket>& basket, bool probe);
  void Fetch(const std::vector<Multihash>& ids);
  void DropAll(const std::vector<BlockRef>& blocks, const std::shared_ptr<Basket>& basket);
  bool CanBeHad(const Multihash& id, const Basket& basket) const L2P_REQUIRES(mutex_);
  bool PresenceKnown(const std::vector<BlockRef>& blocks) const L2P_REQUIRES(mutex_);
  void EndRestore(const StripeKey& stripe, std::vector<std::pair<Multihash, Bytes>> restored,
                  const absl::Status& status);

  // For HolderTask.
  absl::StatusOr<std::shared_ptr<Stream>> Enter(Holder& holder);
  absl::StatusOr<std::shared_ptr<Stream>> OpenStream(const Holder& holder, const PeerInfo& to);
  absl::Status StillWanted(const Holder& holder) const L2P_REQUIRES(mutex_);
  bool TakeWork(Holder& holder, std::vector<Multihash>& have, std::vector<Multihash>& want);
  void NoteBitmap(Holder& holder, const std::vector<Multihash>& asked, const std::string& bitmap,
                  Duration took);
  void NoteBlock(Holder& holder, const Multihash& id, absl::StatusOr<Bytes> data);
  // `read`: bytes that came with that.
  bool Usable(Holder& holder, Time last_progress, size_t read);
  void Leave(Holder& holder, absl::Status why, bool wrong);

  void NeedFromNetwork(const Multihash& id, Item& item) L2P_REQUIRES(mutex_);
  bool SomeoneMayHave(const Multihash& id, const Item& item) const L2P_REQUIRES(mutex_);
  void SearchIfUnknown(const Multihash& id, Item& item) L2P_REQUIRES(mutex_);
  void Assign(Holder& holder, std::vector<Multihash>& want) L2P_REQUIRES(mutex_);
  size_t FirstShare(const Holder& holder) const L2P_REQUIRES(mutex_);
  std::optional<Multihash> TakeOver(const Holder& holder) const L2P_REQUIRES(mutex_);
  std::optional<Multihash> FirstOverdue(const Holder& holder) const L2P_REQUIRES(mutex_);
  void AssignOne(Holder& holder, const Multihash& id, Item& item) L2P_REQUIRES(mutex_);
  void Unassign(Holder& holder, const Multihash& id) L2P_REQUIRES(mutex_);
  size_t Target(const Holder& holder) const L2P_REQUIRES(mutex_);
  double Rate(const Holder& holder) const L2P_REQUIRES(mutex_);
  void Count(Holder& holder, size_t read) L2P_REQUIRES(mutex_);
  size_t LongestLine() const L2P_REQUIRES(mutex_);
  bool TooSlow(const Holder& holder) const L2P_REQUIRES(mutex_);
  void Deliver(const Multihash& id, absl::StatusOr<Bytes> data) L2P_REQUIRES(mutex_);
  void GiveVerdicts() L2P_REQUIRES(mutex_);
  absl::Status Verdict(const Multihash& id, const Item& item) const L2P_REQUIRES(mutex_);
  void WakeHolders() L2P_REQUIRES(mutex_);

  const Parts parts_;
  const Exchange::Options options_;
  const bool local_only_;
  const Time first_peer_until_;

  const std::unique_ptr<Event> arrived_;  // For Next.
  mutable Mutex mutex_{"FetchSession"};
  bool ended_ L2P_GUARDED_BY(mutex_) = false;
  bool looking_locally_ L2P_GUARDED_BY(mutex_) = false;
  std::deque<Multihash> local_queue_ L2P_GUARDED_BY(mutex_);
  std::map<Multihash, Item> items_ L2P_GUARDED_BY(mutex_);
  std::deque<BlockSource::Arrived> results_ L2P_GUARDED_BY(mutex_);
  size_t outstanding_ L2P_GUARDED_BY(mutex_) = 0;    // Bytes asked of all holders.
  size_t arrived_bytes_ L2P_GUARDED_BY(mutex_) = 0;  // Delivered and not taken by Next.
  std::deque<Multihash> search_queue_ L2P_GUARDED_BY(mutex_);
  size_t searching_ L2P_GUARDED_BY(mutex_) = 0;  // For blocks that are missing.
  size_t lingering_ L2P_GUARDED_BY(mutex_) = 0;  // Searches whose block has come, or for none.
  size_t finding_holders_ L2P_GUARDED_BY(mutex_) = 0;  // Of groups, as FindHolders was asked to.
  uint64_t searches_begun_ L2P_GUARDED_BY(mutex_) = 0;
  absl::Status search_error_ L2P_GUARDED_BY(mutex_);
  std::map<PeerId, std::unique_ptr<Holder>> holders_ L2P_GUARDED_BY(mutex_);
  std::vector<Holder*> to_start_ L2P_GUARDED_BY(mutex_);
  const std::unique_ptr<Event> progress_;  // Something has changed that a RestoreTask waits for.
  std::map<Multihash, FoundGroup> groups_ L2P_GUARDED_BY(mutex_);
  std::vector<Multihash> to_learn_of_ L2P_GUARDED_BY(mutex_);
  // Nodes of dags that were found here: this node may hold a share of their groups, whose other
  // holders have not been looked for.
  std::deque<Multihash> local_nodes_ L2P_GUARDED_BY(mutex_);
  std::vector<Multihash> to_find_ L2P_GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<const Sidecar>> sidecars_ L2P_GUARDED_BY(mutex_);  // Latest first.
  std::deque<StripeKey> to_restore_ L2P_GUARDED_BY(mutex_);
  std::set<StripeKey> restoring_ L2P_GUARDED_BY(mutex_);
  Time first_served_at_ L2P_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  uint64_t received_ L2P_GUARDED_BY(mutex_) = 0;                     // Bytes, from all holders.
  std::deque<uint64_t> received_at_looks_ L2P_GUARDED_BY(mutex_);    // The latest of Watch.
  Time last_arrival_ L2P_GUARDED_BY(mutex_) = absl::InfinitePast();  // Of a block.
  std::map<PeerId, std::shared_ptr<Stream>> streams_ L2P_GUARDED_BY(mutex_);  // Reset by End.
  std::unique_ptr<Registration> watch_ L2P_GUARDED_BY(mutex_);
};

}  // namespace l2p

#endif  // L2P_KERNEL_NETWORK_FETCH_SESSION_H_
