#ifndef L2P_PLUGINS_SERVICE_KEEPER_ROSTER_H_
#define L2P_PLUGINS_SERVICE_KEEPER_ROSTER_H_

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "keep_rule.h"
#include "keeper_messages.h"
#include "l2p/state.h"

namespace l2p::keeper {

// A group that this node holds, as the Roster knows it.
struct KeptGroup {
  Multihash id;
  Redundancy spec;    // Of the group: GroupRecord::ForGroup.
  Place place = 0;    // This node's own.
  Multihash sidecar;  // Empty: whole copies.
  PeerId owner;       // Who put it: never a holder.
  PeerId pusher;      // Who brought it here: the owner, or who repaired the group.
};

// The Roster is who else holds the groups that this node holds, and when each was within reach. It
// believes of a peer only what that peer says of itself: nobody can take another off the roster,
// and only who is trusted can put it on.
//
// [any thread]; Load and Save wait on the disk.
class Roster {
 public:
  // Of a group. A further one takes the place of one that is not trusted or, where all are, of the
  // one that is away for longest.
  static constexpr size_t kMaxMembers = 3 * Redundancy::kMaxHolders;

  Roster(const Crypto& crypto, PeerId self) : crypto_(crypto), self_(std::move(self)) {}

  // Adds a group, or replaces what is known of it but its members. `members` are those that its
  // owner has named: trusted until an audit says otherwise.
  void Add(const KeptGroup& group, std::span<const std::pair<PeerId, Place>> members);
  void Remove(const Multihash& group);
  std::optional<KeptGroup> Find(const Multihash& group) const;
  std::vector<Multihash> Groups() const;  // Sorted.
  size_t size() const;

  // A broken group, one that blocks are missing of here, is not claimed towards others.
  void SetBroken(const Multihash& group, bool is_broken);

  // Groups of which no more pieces than `rule` repairs at are within reach and trusted, sorted: a
  // repair can be due of none but these.
  std::vector<Multihash> Scarce(const KeepRule& rule) const;

  // Everyone who holds the group, this node first.
  std::vector<MemberView> Members(const Multihash& group) const;

  // What `peer` says it holds, and this node holds too. Someone new is not trusted before an audit.
  void Learn(const PeerId& peer, std::span<const Share> shares);
  // `peer` has listed all that it shares in this range, knowing this node's list: what is not in it
  // it does not hold.
  void Conclude(const PeerId& peer, const std::string& path, std::span<const Share> shares);
  // This node has given `peer` the pieces itself.
  void AddTrusted(const Multihash& group, const PeerId& peer, Place place);
  // `from` says that there is a member that this node did not know of. Believed for the time being
  // if `from` is a trusted member itself, or brought the group here; else it changes nothing.
  void Suggest(const PeerId& from, const MemberHint& hint);
  void SetTrusted(const Multihash& group, const PeerId& peer, bool is_trusted);

  // The groups shared with `peer`.
  Digest DigestOf(const PeerId& peer, const std::string& path) const;
  std::vector<Share> List(const PeerId& peer, const std::string& path) const;
  // A list when it is short; else the digests of the parts.
  Range Describe(const PeerId& peer, const std::string& path) const;

  // Peers that share a group with this node, sorted.
  struct Peer {
    PeerId id;
    size_t groups = 0;
    Time absent_since = absl::InfiniteFuture();  // InfiniteFuture: within reach.
    Time heard_at = absl::InfinitePast();
    bool within_reach() const { return absent_since == absl::InfiniteFuture(); }
  };
  std::vector<Peer> Peers() const;
  size_t peers() const;
  bool IsAway(const PeerId& peer) const;
  bool Shares(const Multihash& group, const PeerId& peer) const;  // Whether it is a member.
  void Heard(const PeerId& peer, Time now);
  // True when it was within reach until now.
  bool Missed(const PeerId& peer, Time now);
  void SetShunned(const std::set<PeerId>& peers);
  // Forgets those away since before `limit`.
  void ForgetAbsentSince(Time limit);

  // The share of `peer` to audit: one not trusted yet before all others; nullopt when it has none.
  std::optional<Share> PickShare(const PeerId& peer, uint64_t random) const;

  // Members by group, kept across restarts. Add finds again what Load has read.
  absl::Status Load(State& state);
  absl::Status Save(State& state);  // What has changed since.

 private:
  struct PeerEntry;
  struct Group;
  struct Membership {
    Place place = kWhole;
    bool is_trusted = true;
    Digest digest;  // Of this one group.
  };
  struct LessByPosition {
    bool operator()(const Group* a, const Group* b) const;
  };
  struct PeerEntry {
    PeerId id;
    Time absent_since = absl::InfiniteFuture();
    Time heard_at = absl::InfinitePast();
    bool is_shunned = false;
    Digest digest{};  // Of all shares but those of broken groups.
    std::map<const Group*, Membership, LessByPosition> shares;
  };
  struct Group {
    KeptGroup kept;
    uint64_t position = 0;
    bool is_broken = false;
    struct Member {
      PeerEntry* peer;
      const Membership* share;  // In peer->shares.
    };
    std::vector<Member> members;
  };
  using Saved = std::vector<std::pair<PeerId, Place>>;

  bool Fits(const Group& group, Place place) const;
  size_t ReachedPieces(const Group& group) const L2P_REQUIRES(mutex_);
  void Put(Group& group, const PeerId& peer, Place place, bool is_trusted, bool if_new_only)
      L2P_REQUIRES(mutex_);
  bool MakeRoom(Group& group) L2P_REQUIRES(mutex_);
  void Drop(Group& group, PeerEntry& peer) L2P_REQUIRES(mutex_);
  Digest DigestOfOne(const Group& group, const PeerId& peer, Place place) const;
  template <typename Visit>
  void ForEachIn(const PeerId& peer, const std::string& path, const Visit& visit) const
      L2P_REQUIRES(mutex_);

  const Crypto& crypto_;
  const PeerId self_;
  mutable Mutex mutex_{"Roster"};
  std::map<Multihash, Group> groups_ L2P_GUARDED_BY(mutex_);
  std::map<PeerId, PeerEntry> peers_ L2P_GUARDED_BY(mutex_);
  std::set<Multihash> unsaved_ L2P_GUARDED_BY(mutex_);
  std::map<Multihash, Saved> loaded_ L2P_GUARDED_BY(mutex_);  // Not Added yet.
};

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_ROSTER_H_
