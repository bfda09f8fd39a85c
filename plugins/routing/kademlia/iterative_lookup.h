#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_ITERATIVE_LOOKUP_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_ITERATIVE_LOOKUP_H_

#include <atomic>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "message.h"
#include "swarm.h"

namespace l2p::kademlia {

// What a lookup asks, and when it has enough.
struct Question {
  MessageType type = MessageType::kFindNode;
  std::string key;  // As sent; the lookup walks towards its position.

  // It ends when the nearest `enough` peers seen have answered, failed ones left out: 3 to find
  // something, the number of holders to place it;
  size_t enough = 20;

  // and all seen who are nearer than this distance have. See NetworkSize.
  Position reach = {};

  // Requests at a time, of all paths; 0: as the settings say.
  size_t alpha = 0;

  // The walk is split into so many that share no peer and each have to end, so that a peer that
  // lies leads one of them astray, not all. `enough` is split among them.
  size_t paths = 1;

  // Sees each answer; true ends the path it came on.
  std::function<bool(const Message& answer)> heard;

  // Set from outside to end it.
  const std::atomic<bool>* cancelled = nullptr;
};

struct Findings {
  // OK when the lookup ended by itself; DeadlineExceeded; Aborted when stopped or cancelled.
  absl::Status status;
  std::vector<ContactPtr> answered;  // All who did, closest first.
  std::vector<Position> nearest;     // How far the nearest 20 seen are, failed ones left out.
  size_t asked = 0;
  size_t hops = 0;  // Answers on the path to the closest; none if our own table had it.
};

// The one iterative lookup: asks the nearest peers it knows for nearer ones, `alpha` at a time.
//
// Slowness has two degrees. A peer that takes longer than nine in ten of its answers no longer
// counts against alpha: the next one is asked, and a late answer is still welcome. One that takes
// several times as long is not waited for at all. So a peer that is stopped or gone costs a few
// round trips, never the timeout of its request; whether it is gone is found out later. A peer
// nearer than all who have answered may be the very one that is looked for, and gets more time.
//
// An answer names 20 peers, so of many closest ones those past the 20th (dead ones included) stay
// hidden however often one asks for the key. Peers of that rank are asked for a key on their own
// side of the tree instead (see AimFor), and for each such key kWitnesses of them, if need be
// again.
class IterativeLookup {
 public:
  static constexpr size_t kWitnesses = 3;

  // What a lookup may be led to do by those who answer.
  static constexpr size_t kMostCandidates = 1000;
  static constexpr size_t kMostAsked = 500;
  static constexpr size_t kMaxAnswer = 4 << 20;

  // `swarm` is lent.
  IterativeLookup(Swarm& swarm, Question question, Time deadline);

  Findings Run();

 private:
  enum class Standing { kSeen, kAsked, kLate, kGivenUp, kAnswered, kFailed };
  struct Candidate {
    ContactPtr contact;
    size_t path = 0;
    size_t hops = 0;
    Standing standing = Standing::kSeen;
    bool has_answered = false;
    int times_asked = 0;
    Time asked;
    Patience patience;
  };
  using PathCounts = absl::InlinedVector<size_t, 4>;
  using Candidates = std::map<Position, Candidate>;  // By distance.

  // What is asked of peers in one corner of the key space: a distance from the target, and a key
  // of about that position.
  struct Aim {
    Position distance;
    std::string key;
    size_t asked = 0;
  };

  void Add(ContactPtr contact, size_t path, size_t hops);
  bool IsKnown(ByteView id) const;
  void NoteSlowness(Time now);
  void SendMore(Time now);
  void Ask(Candidates::iterator place, const std::string& key, Time now);
  bool IsHiddenFrom(const Position& aim, const Position& distance) const;
  Aim& AimFor(const Position& distance);
  // True if somebody was asked a second time.
  bool AskAgain(Time now);
  // How far the nearest is who has answered.
  Position NearestAnswered() const;
  Time NextChange(Time now) const;
  void Take(const Calls::Answer& answer);
  bool IsSettled() const;
  Findings Finish(absl::Status status);

  // Whether each path that goes on counts so many.
  bool AllHave(const PathCounts& counts, size_t wanted) const;

  Swarm& swarm_;
  const Question question_;
  const Position target_;
  const size_t enough_;  // Of each path.
  const size_t window_;  // So many of a path's nearest that have not failed are worth asking.
  const Time deadline_;
  const std::unique_ptr<Calls> calls_;
  Candidates candidates_;
  absl::flat_hash_set<std::string> known_;            // Of all who ever were candidates, the ids.
  std::map<uint64_t, Candidates::iterator> waiting_;  // Calls on the way.
  std::vector<bool> ended_;                           // Paths that heard what they wanted.
  std::deque<Aim> aims_;
  size_t asked_ = 0;
};

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_ITERATIVE_LOOKUP_H_
