#ifndef L2P_PLUGINS_ROUTING_KADEMLIA_MEMBERSHIP_H_
#define L2P_PLUGINS_ROUTING_KADEMLIA_MEMBERSHIP_H_

#include <memory>
#include <span>
#include <vector>

#include "announcer.h"
#include "iterative_lookup.h"
#include "provider_store.h"
#include "responder.h"
#include "swarm.h"

namespace l2p::kademlia {

enum class Mode { kAuto, kClient, kServer };

struct MembershipOptions {
  SwarmOptions swarm;
  Announcer::Options announcer;
  Mode mode = Mode::kAuto;
  Duration refresh = absl::Minutes(10);
};

// A Membership is this node's part in one swarm: it joins, keeps the table fresh, serves if others
// can reach it, and announces. [any thread] between Start and Stop.
class Membership {
 public:
  static constexpr size_t kMostSaved = 200;
  // In a stable swarm the time between two refreshes grows to so many times the setting, as long as
  // no more than such a share of the table is new each time.
  static constexpr int kMostStretch = 72;
  static constexpr double kLittleChange = 0.05;

  // All are lent and outlive this.
  Membership(Host& host, Messenger& messenger, State& state, ProviderStore& store,
             MembershipOptions options);
  ~Membership();

  // Begins to join through `known` and the peers of the last run. Does not wait for it.
  void Start(std::span<const PeerInfo> known);
  void Stop();

  Findings Look(Question question, Time deadline);

  Swarm& swarm() { return swarm_; }
  Announcer& announcer() { return announcer_; }

 private:
  // One run at a time, from a timer or at once when the first peer came up.
  void Maintain();
  // What is due; when to come again.
  Duration MaintainOnce();
  Time NextVisit(Time start);
  void Schedule(Time when);
  void LookIntoDoubts();
  Duration Spread(Duration period);
  void Refresh();
  std::vector<size_t> BucketsToRefresh(size_t covered, bool all);
  void AdaptRefresh();
  void CheckDoubtful();
  void ReturnToTable(const std::vector<PeerInfo>& peers);
  void AskOwnKey(const std::vector<PeerInfo>& peers);

  std::vector<PeerInfo> LoadTable();
  void SaveTable();
  bool ShouldServe();
  // Serves, if it is time to and nobody else does. True if nothing is left to be tried.
  bool ServeIfWanted();
  void ServeOrRetry(Duration retry);

  Host& host_;
  Messenger& messenger_;
  State& state_;
  const MembershipOptions options_;
  Swarm swarm_;
  Announcer announcer_;
  Responder responder_;

  // Of the one who maintains.
  std::vector<PeerInfo> returning_;  // The table of the last run, as long as nobody was asked.
  Time next_refresh_ = absl::InfinitePast();
  Time next_save_ = absl::InfinitePast();
  bool has_joined_ = false;  // All buckets were looked through.
  Duration refresh_period_;  // Grows up to the setting, and beyond it while little changes.
  uint64_t arrivals_ = 0;    // In the table, at the last refresh.
  Duration backoff_;         // While alone.

  Mutex mutex_{"Membership"};
  bool stopping_ L2P_GUARDED_BY(mutex_) = false;
  bool maintaining_ L2P_GUARDED_BY(mutex_) = false;
  bool again_ L2P_GUARDED_BY(mutex_) = false;
  Time due_ L2P_GUARDED_BY(mutex_) = absl::InfiniteFuture();  // Of `timer_`.
  std::unique_ptr<Registration> timer_ L2P_GUARDED_BY(mutex_);
  std::unique_ptr<Registration> serve_timer_ L2P_GUARDED_BY(mutex_);
  std::unique_ptr<Registration> served_ L2P_GUARDED_BY(mutex_);
  std::unique_ptr<Registration> watch_;
  TaskGroup tasks_;
};

}  // namespace l2p::kademlia

#endif  // L2P_PLUGINS_ROUTING_KADEMLIA_MEMBERSHIP_H_
