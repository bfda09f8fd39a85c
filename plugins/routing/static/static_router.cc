// /l2p/static/1.0.0, one message each way:
//   request := multihash   does the receiver provide it?    answer := 0x01 | 0x00
//            | (empty)     whom does the receiver know?     answer := (multiaddr "\n")*
// with multiaddrs in text, each with /p2p.
#include "static_router.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace l2p {
namespace {

constexpr Duration kGlance = absl::Milliseconds(250);  // Between looks at whether to go on waiting.
constexpr size_t kMostRequest = 256;                   // No multihash is longer.

std::vector<PeerInfo> PeersIn(std::string_view list) {
  std::vector<PeerInfo> peers;
  for (const absl::string_view line : absl::StrSplit(av(list), '\n', absl::SkipEmpty())) {
    const auto address = Multiaddr::FromString(std::string_view(line.data(), line.size()));
    const std::optional<PeerId> id = address.ok() ? address->peer() : std::nullopt;
    if (!id) continue;
    if (peers.empty() || peers.back().id != *id) peers.push_back({*id, {}});
    peers.back().addresses.push_back(address->WithoutPeer());
  }
  return peers;
}

}  // namespace

// What one search has found: its task adds, its query takes.
class StaticRouter::Search {
 public:
  Search(std::unique_ptr<Event> event, size_t most) : event_(std::move(event)), most_(most) {}

  // False when there is no need to go on.
  bool Add(const PeerInfo& provider) {
    MutexLock lock(mutex_);
    found_.push_back(provider);
    event_->Set();
    return ++count_ < most_ && !cancelled_;
  }
  void End() {
    MutexLock lock(mutex_);
    ended_ = true;
    event_->Set();
  }
  void Cancel() {
    MutexLock lock(mutex_);
    cancelled_ = true;
  }
  absl::StatusOr<std::optional<PeerInfo>> Next(Time deadline) {
    const bool in_time = Await(mutex_, *event_, deadline,
                               [this]() L2P_REQUIRES(mutex_) { return ended_ || !found_.empty(); });
    if (!in_time) return absl::DeadlineExceededError("find providers: none found yet");
    MutexLock lock(mutex_);
    if (found_.empty()) return std::nullopt;
    std::optional<PeerInfo> provider = std::move(found_.front());
    found_.pop_front();
    return provider;
  }

 private:
  const std::unique_ptr<Event> event_;
  const size_t most_;
  Mutex mutex_{"StaticRouter::Search"};
  std::deque<PeerInfo> found_ L2P_GUARDED_BY(mutex_);
  size_t count_ L2P_GUARDED_BY(mutex_) = 0;
  bool ended_ L2P_GUARDED_BY(mutex_) = false;
  bool cancelled_ L2P_GUARDED_BY(mutex_) = false;
};

class StaticRouter::SearchQuery : public ProviderQuery {
 public:
  explicit SearchQuery(std::shared_ptr<Search> search) : search_(std::move(search)) {}
  ~SearchQuery() override { search_->Cancel(); }

  absl::StatusOr<std::optional<PeerInfo>> Next(Time deadline) override {
    return search_->Next(deadline);
  }

 private:
  const std::shared_ptr<Search> search_;
};

StaticRouter::StaticRouter(Host& host, Options options)
    : host_(host),
      most_peers_(options.most_peers),
      idle_(host.NewEvent()),
      tasks_(host.tasks(), host.NewEvent()) {
  for (const PeerInfo& peer : options.peers) Add(peer);
}

StaticRouter::~StaticRouter() { Stop(); }

absl::Status StaticRouter::Start(Messenger& messenger, std::span<const PeerInfo> known) {
  messenger_ = &messenger;
  for (const PeerInfo& peer : known) Add(peer);
  L2P_ASSIGN_OR_RETURN(
      served_, messenger.Serve(kProtocol, kMostRequest, [this](const Caller&, ByteView request) {
        return Answer(request);
      }));
  const auto up = [this](const PeerInfo& peer, const std::vector<std::string>& protocols) {
    if (std::binary_search(protocols.begin(), protocols.end(), kProtocol)) Add(peer);
  };
  watch_ = messenger.Watch({.up = up, .down = [](const PeerId&) {}});
  return tasks_.Start("static peers", [this] { MeetAgainAndAgain(); });
}

void StaticRouter::Stop() {
  std::unique_ptr<Registration> refresh;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    refresh.swap(refresh_);
  }
  refresh.reset();
  watch_.reset();
  served_.reset();
  Await(mutex_, *idle_, absl::InfiniteFuture(),
        [this]() L2P_REQUIRES(mutex_) { return asking_ == 0; });
  tasks_.Join();
}

bool StaticRouter::stopping() {
  MutexLock lock(mutex_);
  return stopping_;
}

void StaticRouter::Add(const PeerInfo& peer) {
  if (peer.id == host_.identity().peer()) return;
  MutexLock lock(mutex_);
  if (peers_.size() >= most_peers_ && !peers_.contains(peer.id)) return;
  PeerInfo& kept = peers_[peer.id];
  kept.id = peer.id;
  // The newest addresses count, but none are no reason to forget the old.
  if (!peer.addresses.empty()) kept.addresses = peer.addresses;
}

absl::Status StaticRouter::Ask(std::deque<PeerInfo> peers, ByteView request, size_t wanted,
                               Time deadline, const Heard& heard) {
  {
    MutexLock lock(mutex_);
    if (stopping_) return absl::AbortedError("the node is stopping");
    ++asking_;
  }
  absl::Status status = Converse(std::move(peers), request, wanted, deadline, heard);
  MutexLock lock(mutex_);
  if (--asking_ == 0) idle_->Set();
  return status;
}

absl::Status StaticRouter::Converse(std::deque<PeerInfo> peers, ByteView request, size_t wanted,
                                    Time deadline, const Heard& heard) {
  const std::unique_ptr<Calls> calls = messenger_->NewCalls();
  std::map<uint64_t, PeerInfo> asked;
  absl::Status failure;
  while (wanted > 0 && !stopping()) {
    while (!peers.empty() && asked.size() < std::min(wanted, kMostAtOnce)) {
      const Time limit = std::min(deadline, host_.Now() + kRequestLimit);
      const uint64_t call =
          calls->Send(peers.front(), kProtocol, Bytes::Copy(request), kMostAnswer, limit);
      asked.emplace(call, std::move(peers.front()));
      peers.pop_front();
    }
    if (asked.empty()) return failure;
    const auto answer = calls->Next(std::min(deadline, host_.Now() + kGlance));
    if (!answer) {
      if (host_.Now() >= deadline) return absl::DeadlineExceededError("not everybody has answered");
      continue;
    }
    const PeerInfo peer = std::move(asked.extract(answer->call).mapped());
    if (!answer->result.ok()) {
      failure = answer->result.status();
      continue;
    }
    --wanted;
    if (!heard(peer, *answer->result, peers)) break;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Bytes>> StaticRouter::Answer(ByteView request) {
  if (!request.empty()) {
    MutexLock lock(mutex_);
    return Bytes::Copy(provided_.contains(std::string(AsText(request))) ? "\x01"
                                                                        : std::string(1, '\0'));
  }
  std::string list;
  for (const PeerInfo& peer : Known(most_peers_)) {
    for (const Multiaddr& address : peer.addresses) {
      const std::string line = absl::StrCat(address.WithPeer(peer.id).ToString(), "\n");
      if (list.size() + line.size() <= kMostAnswer) list += line;
    }
  }
  return Bytes::Of(std::move(list));
}

void StaticRouter::Meet() {
  const std::vector<PeerInfo> known = Known(most_peers_);
  std::set<PeerId> seen = {host_.identity().peer()};
  for (const PeerInfo& peer : known) seen.insert(peer.id);
  const auto heard = [&](const PeerInfo& from, ByteView answer, std::deque<PeerInfo>& others) {
    // Only who answers is put on the list: anybody can be named.
    Add(from);
    for (PeerInfo& peer : PeersIn(AsText(answer))) {
      if (seen.size() <= most_peers_ && seen.insert(peer.id).second) {
        others.push_back(std::move(peer));
      }
    }
    return true;
  };
  const absl::Status status =
      Ask({known.begin(), known.end()}, {}, most_peers_, host_.Now() + kLastRefresh, heard);
  if (!status.ok()) {
    host_.Log(Severity::kDebug, absl::StrCat("ask for peers: ", status.ToString()));
  }
}

// Soon again at first: peers that are started together do not yet know each other.
void StaticRouter::MeetAgainAndAgain() {
  Meet();
  Duration pause;
  {
    MutexLock lock(mutex_);
    pause = std::exchange(next_refresh_, std::min(2 * next_refresh_, kLastRefresh));
  }
  auto next = host_.tasks().After("static peers", pause, [this] { MeetAgainAndAgain(); });
  MutexLock lock(mutex_);
  if (!stopping_) refresh_.swap(next);
}

std::deque<PeerInfo> StaticRouter::Sorted(const Multihash& key) {
  const auto hash = [this](ByteView bytes) { return host_.crypto().Sha256({&bytes, 1}); };
  const Sha256Digest target = hash(key.binary());
  std::vector<std::pair<Sha256Digest, PeerInfo>> order;
  for (PeerInfo& peer : Known(most_peers_)) {
    Sha256Digest distance = hash(peer.id.binary());
    for (size_t i = 0; i < distance.size(); ++i) distance[i] ^= target[i];
    order.emplace_back(distance, std::move(peer));
  }
  std::sort(order.begin(), order.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  std::deque<PeerInfo> peers;
  for (auto& [distance, peer] : order) peers.push_back(std::move(peer));
  return peers;
}

absl::StatusOr<std::vector<PeerInfo>> StaticRouter::ClosestPeers(const Multihash& key, size_t n,
                                                                 Time deadline) {
  const std::deque<PeerInfo> order = Sorted(key);
  std::set<PeerId> answered;
  const absl::Status status = Ask(order, key.binary(), n, deadline,
                                  [&](const PeerInfo& from, ByteView, std::deque<PeerInfo>&) {
                                    answered.insert(from.id);
                                    return true;
                                  });
  // Some are of use; but nobody may take a silent network for an empty one.
  if (answered.empty() && !status.ok()) return status;
  std::vector<PeerInfo> closest;
  for (const PeerInfo& peer : order) {
    if (answered.contains(peer.id)) closest.push_back(peer);
  }
  return closest;
}

absl::StatusOr<std::unique_ptr<ProviderQuery>> StaticRouter::FindProviders(const Multihash& key,
                                                                           size_t most,
                                                                           Time deadline) {
  const auto search = std::make_shared<Search>(host_.NewEvent(), most);
  L2P_RETURN_IF_ERROR(WithContext(
      tasks_.Start("static find providers",
                   [this, search, key, deadline] {
                     const auto heard = [&](const PeerInfo& from, ByteView answer, auto&) {
                       return AsText(answer) != "\x01" || search->Add(from);
                     };
                     // What nobody answers for is not there; who was silent is no provider.
                     Ask(Sorted(key), key.binary(), most_peers_, deadline, heard).IgnoreError();
                     search->End();
                   }),
      "find providers"));
  return std::make_unique<SearchQuery>(search);
}

absl::Status StaticRouter::Provide(std::span<const Multihash> keys, Time) {
  MutexLock lock(mutex_);
  for (const Multihash& key : keys) provided_.insert(key.bytes());
  return absl::OkStatus();
}

void StaticRouter::Withdraw(std::span<const Multihash> keys) {
  MutexLock lock(mutex_);
  for (const Multihash& key : keys) provided_.erase(key.bytes());
}

absl::StatusOr<PeerInfo> StaticRouter::FindPeer(const PeerId& peer, Time) {
  MutexLock lock(mutex_);
  const auto found = peers_.find(peer);
  if (found == peers_.end() || found->second.addresses.empty()) {
    return absl::NotFoundError(absl::StrCat("peer ", peer.ToString(), ": in no list"));
  }
  return found->second;
}

std::vector<PeerInfo> StaticRouter::Known(size_t most) {
  MutexLock lock(mutex_);
  std::vector<PeerInfo> known;
  for (const auto& [id, peer] : peers_) {
    if (known.size() < most) known.push_back(peer);
  }
  return known;
}

}  // namespace l2p
