#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_ITERATIVE_LOOKUP_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_ITERATIVE_LOOKUP_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "message.h"
#include "swarm.h"

namespace l2p::kademlia {

// What a lookup asks, and when it has enough.
struct Question {
  MessageType type = MessageType::kFindNode;
  std::string key;  // As sent; the lookup walks towards its position.

  // It ends when the nearest `enough` peers seen have answered, failed ones left out: 3 to find
  // something, the number of holders to place it.
  size_t enough = 20;

  // Sees each answer; true ends the lookup.
  std::function<bool(const Message& answer)> heard;

  // Set from outside to end it.
  const std::atomic<bool>* cancelled = nullptr;
};

struct Findings {
  // OK when the lookup ended by itself; DeadlineExceeded; Aborted when stopped or cancelled.
  absl::Status status;
  std::vector<PeerInfo> answered;  // All who did, closest first.
  size_t asked = 0;
  size_t hops = 0;  // Answers on the path to the closest.
};

// The one iterative lookup: asks the nearest peers it knows for nearer ones, `alpha` at a time.
//
// Slowness has two degrees. A peer that takes longer than nine in ten of its answers no longer
// counts against alpha: the next one is asked, and a late answer is still welcome. One that takes
// kGiveUp times as long is not waited for at all, as if it had failed. So a peer that is stopped
// or gone costs a few round trips, never the timeout of its request.
//
// An answer names 20 peers, so of many closest ones those past the 20th (dead ones included) stay
// hidden however often one asks for the key. Peers of that rank are asked for their own id instead:
// they name their own neighbours.
class IterativeLookup {
 public:
  static constexpr int kGiveUp = 2;
  static constexpr Duration kLeastGiveUp = absl::Milliseconds(500);

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
    PeerInfo peer;
    size_t hops = 0;
    Standing standing = Standing::kSeen;
    Time late;
    Time given_up;
  };
  using Candidates = std::map<Position, Candidate>;  // By distance.

  void Add(const PeerInfo& peer, size_t hops);
  void NoteSlowness(Time now);
  void SendMore(Time now);
  void Ask(Candidate& candidate, const Position& distance, size_t rank, Time now);
  Time NextChange(Time now) const;
  // True when the lookup has what it wants.
  bool Take(const Calls::Answer& answer);
  bool IsSettled() const;
  Findings Finish(absl::Status status);

  Swarm& swarm_;
  const Question question_;
  const Position target_;
  const size_t window_;  // So many of the nearest that have not failed are worth asking.
  const Time deadline_;
  const std::unique_ptr<Calls> calls_;
  Candidates candidates_;
  std::map<uint64_t, Position> waiting_;  // Calls on the way, with the candidate's distance.
  size_t asked_ = 0;
};

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_ITERATIVE_LOOKUP_H_
