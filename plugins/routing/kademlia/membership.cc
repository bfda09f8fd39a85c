#include "membership.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

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
constexpr Duration kSecondThought = absl::Minutes(1);
// A node listens soon after its router was started; what else makes it a server may take longer.
constexpr Duration kFirstServeRetry = absl::Milliseconds(100);
constexpr Duration kLastServeRetry = absl::Seconds(10);
constexpr size_t kChecksAtOnce = 32;
constexpr size_t kEnoughForRefresh = 3;

std::string TableRow(const std::string& protocol) { return "table" + protocol; }

bool HasScope(const PeerInfo& peer, Multiaddr::Scope scope) {
  return std::any_of(peer.addresses.begin(), peer.addresses.end(),
                     [=](const Multiaddr& address) { return address.scope() == scope; });
}

// Reachable from anywhere: a public address, or a name that somebody chose to announce.
bool IsPublic(const PeerInfo& peer) {
  return HasScope(peer, Multiaddr::Scope::kPublic) || HasScope(peer, Multiaddr::Scope::kOther);
}

// Whether the two meet on a LAN, or on this machine when one of them is nowhere else.
bool ShareScope(const PeerInfo& a, const PeerInfo& b) {
  using Scope = Multiaddr::Scope;
  if (HasScope(a, Scope::kPrivate) && HasScope(b, Scope::kPrivate)) return true;
  const bool is_local = !HasScope(a, Scope::kPrivate) || !HasScope(b, Scope::kPrivate);
  return is_local && HasScope(a, Scope::kLoopback) && HasScope(b, Scope::kLoopback);
}

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
  for (PeerInfo& peer : LoadTable()) {
    const auto is_peer = [&](const PeerInfo& seed) { return seed.id == peer.id; };
    if (std::none_of(seeds.begin(), seeds.end(), is_peer)) seeds.push_back(std::move(peer));
  }
  swarm_.SetSeeds(std::move(seeds));
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
  Schedule(absl::ZeroDuration());
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

void Membership::Schedule(Duration delay) {
  std::unique_ptr<Registration> timer =
      host_.tasks().After("kad maintain", delay, [this] { Maintain(); });
  MutexLock lock(mutex_);
  if (!stopping_) std::swap(timer, timer_);
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
    Schedule(MaintainOnce());
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
  if (start >= next_refresh_) Refresh();
  CheckDoubtful();
  const bool is_alone = swarm_.table().size() == 0;
  Time next = start + options_.refresh;
  if (is_alone) {
    next = host_.Now() + backoff_;
    has_joined_ = false;
    next_refresh_ = absl::InfinitePast();
    refresh_period_ = std::min(kFirstRefresh, options_.refresh);
    backoff_ = std::min(2 * backoff_, kLastBackoff);
  } else {
    backoff_ = kFirstBackoff;
    if (start >= next_refresh_) {
      next_refresh_ = start + Spread(refresh_period_);
      refresh_period_ = std::min(4 * refresh_period_, options_.refresh);
    }
    announcer_.AnnounceDue();
    next = std::min(next_refresh_, announcer_.NextDue());
    if (!swarm_.table().DoubtfulSince(start - options_.refresh).empty()) {
      next = std::min(next, host_.Now() + kSecondThought);
    }
  }
  if (host_.Now() >= next_save_) {
    SaveTable();
    next_save_ = host_.Now() + kSavePeriod;
  }
  return std::max(next - host_.Now(), absl::Milliseconds(100));
}

// Nodes that were started together need not refresh together.
Duration Membership::Spread(Duration period) {
  const auto spread = static_cast<uint64_t>(absl::ToInt64Milliseconds(period / 10));
  return period + absl::Milliseconds(RandomBelow(host_, spread + 1));
}

void Membership::Refresh() {
  const size_t all = options_.swarm.table.bucket_size;
  const auto look = [this](std::string key, size_t enough) {
    return Look(
        {.type = MessageType::kFindNode, .key = std::move(key), .enough = enough, .heard = nullptr},
        host_.Now() + kLookupLimit);
  };
  const Findings near = look(swarm_.self().bytes(), all);
  if (near.answered.size() < all) return;  // That was everybody.
  const bool is_early = refresh_period_ < options_.refresh;
  if (is_early && has_joined_) return;  // Far buckets fill by themselves; the near ones matter.
  has_joined_ = true;
  // Nearer buckets than that of the last of these are full of them.
  const Position farthest = swarm_.PositionOf(near.answered[all - 1].id.binary());
  const size_t covered = CommonPrefix(swarm_.PositionOf(swarm_.self().binary()), farthest);
  for (size_t i = 0; i <= covered && !swarm_.stopping(); ++i) {
    look(swarm_.RandomKey(i), kEnoughForRefresh);
  }
}

void Membership::CheckDoubtful() {
  std::vector<Contact> doubtful = swarm_.table().DoubtfulSince(host_.Now() - options_.refresh);
  const Bytes request = Bytes::Of(Encode({.type = MessageType::kFindNode,
                                          .key = swarm_.self().bytes(),
                                          .closer = {},
                                          .providers = {}}));
  const std::unique_ptr<Calls> calls = messenger_.NewCalls();
  std::map<uint64_t, PeerInfo> asked;
  while ((!doubtful.empty() || !asked.empty()) && !swarm_.stopping()) {
    while (!doubtful.empty() && asked.size() < kChecksAtOnce) {
      const PeerInfo peer = std::move(doubtful.back().peer);
      doubtful.pop_back();
      const Time deadline = host_.Now() + options_.swarm.request_timeout;
      asked[calls->Send(peer, options_.swarm.protocol, request, IterativeLookup::kMaxAnswer,
                        deadline)] = peer;
    }
    const std::optional<Calls::Answer> answer = calls->Next(host_.Now() + absl::Milliseconds(200));
    if (!answer) continue;
    const auto peer = asked.extract(answer->call);
    if (answer->result.ok() && Decode(answer->result->view()).ok()) {
      swarm_.Answered(peer.mapped(), answer->took, answer->dialled);
    } else {
      swarm_.Failed(peer.mapped().id);
    }
  }
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
