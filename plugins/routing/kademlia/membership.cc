#include "membership.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "address_scope.h"
#include "ask_each.h"

namespace l2p::kademlia {
namespace {

// While nobody answers, tries are made after 1, 2, 4, ... seconds.
constexpr Duration kFirstBackoff = absl::Seconds(1);
constexpr Duration kLastBackoff = absl::Minutes(1);
// A swarm that starts all at once is thin when its nodes join: they look again after 5 s, 20 s, ...
constexpr Duration kFirstRefresh = absl::Seconds(5);
constexpr Duration kLookupLimit = absl::Minutes(1);
constexpr Duration kSavePeriod = absl::Minutes(5);
// How soon contacts that failed are asked again.
constexpr Duration kSecondThought = absl::Seconds(30);
// Contacts are checked in batches, about so many within the time that one may be silent.
constexpr int kChecksInPeriod = 10;
// A node listens soon after its router was started; what else makes it a server may take longer.
constexpr Duration kFirstServeRetry = absl::Milliseconds(100);
constexpr Duration kLastServeRetry = absl::Seconds(10);
constexpr size_t kEnoughForRefresh = 3;
// Nobody waits for the refresh of a table that has formed: few at a time ask few in all.
constexpr size_t kAlphaOfRefresh = 3;

std::string TableRow(const std::string& protocol) { return "table" + protocol; }

}  // namespace

Membership::Membership(Host& host, Messenger& messenger, State& state, ProviderStore& store,
                       MembershipOptions options)
    : host_(host),
      messenger_(messenger),
      state_(state),
      options_(std::move(options)),
      swarm_(host, messenger, options_.swarm),
      announcer_(swarm_, options_.announcer),
      responder_(swarm_, store, announcer_, options_.swarm.table.bucket_size),
      refresh_period_(std::min(kFirstRefresh, options_.refresh)),
      backoff_(kFirstBackoff),
      tasks_(host.tasks(), host.NewEvent()) {}

Membership::~Membership() { Stop(); }

void Membership::Start(std::span<const PeerInfo> known) {
  std::vector<PeerInfo> seeds(known.begin(), known.end());
  returning_ = LoadTable();
  for (const PeerInfo& peer : returning_) {
    const auto is_peer = [&](const PeerInfo& seed) { return seed.id == peer.id; };
    if (std::none_of(seeds.begin(), seeds.end(), is_peer)) seeds.push_back(peer);
  }
  swarm_.SetSeeds(std::move(seeds));
  swarm_.WhenInDoubt([this] { LookIntoDoubts(); });
  ServeOrRetry(kFirstServeRetry);
  next_save_ = host_.Now() + kSavePeriod;
  watch_ = messenger_.Watch(
      {.up =
           [this](const PeerInfo& peer, const std::vector<std::string>& protocols) {
             // A refused start (too many tasks) is made good by the timer.
             if (swarm_.Up(peer, protocols))
               tasks_.Start("kad join", [this] { Maintain(); }).IgnoreError();
           },
       .down = [this](const PeerId& peer) { swarm_.Down(peer); }});
  Schedule(host_.Now());
}

void Membership::Stop() {
  std::unique_ptr<Registration> timer, serve_timer, served;
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    timer = std::move(timer_);
    serve_timer = std::move(serve_timer_);
    served = std::move(served_);
  }
  swarm_.Stop();
  timer.reset();
  serve_timer.reset();
  watch_.reset();
  served.reset();
  tasks_.Join();
  SaveTable();
}

Findings Membership::Look(Question question, Time deadline) {
  IterativeLookup lookup(swarm_, std::move(question), deadline);
  return lookup.Run();
}

void Membership::Schedule(Time when) {
  std::unique_ptr<Registration> timer =
      host_.tasks().After("kad maintain", when - host_.Now(), [this] { Maintain(); });
  MutexLock lock(mutex_);
  if (stopping_) return;
  std::swap(timer, timer_);
  due_ = when;
}

// Peers that failed are asked again soon, not when their turn comes.
void Membership::LookIntoDoubts() {
  const Time when = host_.Now() + kSecondThought;
  {
    MutexLock lock(mutex_);
    if (stopping_ || maintaining_ || due_ <= when) return;
  }
  Schedule(when);
}

void Membership::Maintain() {
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    again_ = maintaining_;
    if (maintaining_) return;
    maintaining_ = true;
  }
  for (;;) {
    Schedule(host_.Now() + MaintainOnce());
    MutexLock lock(mutex_);
    if (!again_ || stopping_) {
      maintaining_ = false;
      return;
    }
    again_ = false;
  }
}

Duration Membership::MaintainOnce() {
  const Time start = host_.Now();
  // The good peers of the last run take their places again before strangers do.
  if (!returning_.empty()) ReturnToTable(std::exchange(returning_, {}));
  if (start >= next_refresh_) Refresh();
  CheckDoubtful();
  const Time next = NextVisit(start);
  if (host_.Now() >= next_save_) {
    SaveTable();
    next_save_ = host_.Now() + kSavePeriod;
  }
  return std::max(next - host_.Now(), absl::Milliseconds(100));
}

Time Membership::NextVisit(Time start) {
  const bool is_alone = swarm_.table().size() == 0;
  if (is_alone) {
    has_joined_ = false;
    next_refresh_ = absl::InfinitePast();
    refresh_period_ = std::min(kFirstRefresh, options_.refresh);
    const Time next = host_.Now() + backoff_;
    backoff_ = std::min(2 * backoff_, kLastBackoff);
    return next;
  }
  backoff_ = kFirstBackoff;
  if (start >= next_refresh_) {
    next_refresh_ = start + Spread(refresh_period_);
    AdaptRefresh();
  }
  announcer_.AnnounceDue();
  Time next = std::min(next_refresh_, announcer_.NextDue());
  // Those whose time is near are asked together.
  const RoutingTable& table = swarm_.table();
  next = std::min(next, table.NextCheck() + table.CheckPeriod() / kChecksInPeriod);
  if (table.HasDoubts()) next = std::min(next, host_.Now() + kSecondThought);
  return next;
}

void Membership::AdaptRefresh() {
  const uint64_t arrivals = swarm_.table().arrivals();
  const auto changed = static_cast<double>(arrivals - std::exchange(arrivals_, arrivals));
  if (refresh_period_ < options_.refresh) {
    refresh_period_ = std::min(4 * refresh_period_, options_.refresh);
  } else if (changed <= kLittleChange * static_cast<double>(swarm_.table().size())) {
    refresh_period_ = std::min(2 * refresh_period_, kMostStretch * options_.refresh);
  } else {
    refresh_period_ = options_.refresh;
  }
}

// Nodes that were started together need not refresh together.
Duration Membership::Spread(Duration period) {
  const auto spread = static_cast<uint64_t>(absl::ToInt64Milliseconds(period / 10));
  return period - absl::Milliseconds(RandomBelow(host_, spread + 1));
}

void Membership::Refresh() {
  const size_t all = options_.swarm.table.bucket_size;
  const bool is_early = refresh_period_ < options_.refresh;
  const auto look = [&](std::string key, size_t enough) {
    return Look({.type = MessageType::kFindNode,
                 .key = std::move(key),
                 .enough = enough,
                 .alpha = is_early ? 0 : kAlphaOfRefresh,
                 .heard = nullptr},
                host_.Now() + kLookupLimit);
  };
  const Findings near = look(swarm_.self().bytes(), all);
  swarm_.network_size().Learn(near.nearest);
  if (near.answered.size() < all) return;  // That was everybody.
  if (is_early && has_joined_) return;     // Far buckets fill by themselves; the near ones matter.
  const bool is_first = !std::exchange(has_joined_, true);
  // Nearer buckets than that of the last of these are full of them. Full ones are kept by checks;
  // one random key tells how large the swarm is all the same.
  const Position& farthest = near.answered[all - 1]->position;
  const size_t covered = CommonPrefix(swarm_.PositionOf(swarm_.self().binary()), farthest);
  for (const size_t i : BucketsToRefresh(covered, /*all=*/is_first)) {
    if (swarm_.stopping()) return;
    swarm_.network_size().Learn(look(swarm_.RandomKey(i), kEnoughForRefresh).nearest);
  }
}

// A bucket that has room after the first time may hold all there are: one of these each time.
std::vector<size_t> Membership::BucketsToRefresh(size_t covered, bool all) {
  std::vector<size_t> buckets;
  for (size_t i = 1; i <= covered; ++i) {
    if (!swarm_.table().IsFull(i)) buckets.push_back(i);
  }
  if (!all && !buckets.empty()) buckets = {buckets[RandomBelow(host_, buckets.size())]};
  buckets.insert(buckets.begin(), 0);
  return buckets;
}

void Membership::CheckDoubtful() { AskOwnKey(swarm_.table().Doubtful(host_.Now())); }

void Membership::ReturnToTable(const std::vector<PeerInfo>& peers) {
  AskOwnKey(peers);
  for (const PeerInfo& peer : peers) swarm_.table().Keep(peer.id);
}

void Membership::AskOwnKey(const std::vector<PeerInfo>& peers) {
  const Message request{
      .type = MessageType::kFindNode, .key = swarm_.self().bytes(), .closer = {}, .providers = {}};
  AskEach(swarm_, peers, request, absl::InfiniteFuture());
}

std::vector<PeerInfo> Membership::LoadTable() {
  const absl::StatusOr<std::string> row = state_.Get(TableRow(options_.swarm.protocol));
  if (!row.ok()) return {};
  absl::StatusOr<Message> saved = Decode(AsBytes(*row));
  if (!saved.ok()) return {};
  return std::move(saved->providers);
}

void Membership::SaveTable() {
  std::vector<PeerInfo> best = swarm_.table().Best(kMostSaved);
  if (best.empty()) return;  // What the last run knew is better than nothing.
  const State::Change change{TableRow(options_.swarm.protocol),
                             Encode({.key = "", .closer = {}, .providers = std::move(best)})};
  const absl::Status status = state_.Commit({&change, 1});
  if (!status.ok()) {
    host_.Log(Severity::kWarning, absl::StrCat("save the routing table: ", status.ToString()));
  }
}

bool Membership::ShouldServe() {
  if (options_.mode != Mode::kAuto) return options_.mode == Mode::kServer;
  const PeerInfo self = messenger_.Self();
  if (self.addresses.empty()) return false;
  if (IsPublic(self)) return true;
  std::vector<PeerInfo> others = swarm_.Seeds();
  const std::vector<PeerInfo> contacts = swarm_.table().Best(kMostSaved);
  others.insert(others.end(), contacts.begin(), contacts.end());
  return others.empty() || std::any_of(others.begin(), others.end(), [&](const PeerInfo& other) {
           return !IsPublic(other) && ShareScope(self, other);
         });
}

void Membership::ServeOrRetry(Duration retry) {
  if (ServeIfWanted()) return;
  std::unique_ptr<Registration> timer = host_.tasks().After(
      "kad serve", retry, [this, retry] { ServeOrRetry(std::min(2 * retry, kLastServeRetry)); });
  MutexLock lock(mutex_);
  if (!stopping_) std::swap(timer, serve_timer_);
}

bool Membership::ServeIfWanted() {
  {
    MutexLock lock(mutex_);
    if (served_ != nullptr || stopping_) return true;
  }
  if (!ShouldServe()) return options_.mode == Mode::kClient;
  absl::StatusOr<std::unique_ptr<Registration>> served = messenger_.Serve(
      options_.swarm.protocol, Responder::kMaxRequest,
      [this](const Caller& from, ByteView request) { return responder_.Answer(from, request); });
  // During a swap the old instance still serves; it will make room.
  if (!served.ok()) return false;
  MutexLock lock(mutex_);
  if (!stopping_) std::swap(served_, *served);
  return true;
}

}  // namespace l2p::kademlia
