// The protocol:
//   request := multihash | (empty)
//   answer  := provides peer*    provides := 0x00 | 0x01    peer := multiaddr LF
// with multiaddrs as text, each with /p2p.
#include "@name@_router.h"

#include <algorithm>
#include <deque>
#include <sstream>

namespace @name@ {
namespace {

constexpr char kProtocol[] = "/@name@/0.1.0";
constexpr size_t kMostRequest = 256;                // No multihash is longer.
constexpr size_t kMostAnswer = 256 * 1024;          // What a peer may send is bounded, always.
constexpr size_t kMostAtOnce = 32;                  // Requests on the way.
constexpr l2p::Duration kLimit = absl::Seconds(3);  // Of a request.
constexpr l2p::Duration kGlance = absl::Milliseconds(250);  // Between looks at whether to stop.
constexpr l2p::Duration kJoinLimit = absl::Seconds(30);

// What FindProviders has found before it returned.
class Found : public l2p::ProviderQuery {
 public:
  explicit Found(std::deque<l2p::PeerInfo> peers) : peers_(std::move(peers)) {}

  absl::StatusOr<std::optional<l2p::PeerInfo>> Next(l2p::Time) override {
    if (peers_.empty()) return std::nullopt;
    std::optional<l2p::PeerInfo> next = std::move(peers_.front());
    peers_.pop_front();
    return next;
  }

 private:
  std::deque<l2p::PeerInfo> peers_;
};

std::vector<l2p::PeerInfo> PeersIn(std::string_view lines) {
  std::vector<l2p::PeerInfo> peers;
  std::istringstream in{std::string(lines)};
  for (std::string line; std::getline(in, line);) {
    const absl::StatusOr<l2p::Multiaddr> address = l2p::Multiaddr::FromString(line);
    if (!address.ok() || !address->peer()) continue;
    if (peers.empty() || peers.back().id != *address->peer())
      peers.push_back({*address->peer(), {}});
    peers.back().addresses.push_back(address->WithoutPeer());
  }
  return peers;
}

}  // namespace

@Name@Router::@Name@Router(l2p::Host& host, size_t most_peers)
    : host_(host),
      most_peers_(most_peers),
      idle_(host.NewEvent()),
      tasks_(host.tasks(), host.NewEvent()) {}

absl::Status @Name@Router::Start(l2p::Messenger& messenger, std::span<const l2p::PeerInfo> known) {
  messenger_ = &messenger;
  for (const l2p::PeerInfo& peer : known) Add(peer);
  // A handler answers from what is here and never waits for another peer.
  auto served = messenger.Serve(
      kProtocol, kMostRequest,
      [this](const l2p::Caller& from, l2p::ByteView key) { return Serve(from, key); });
  if (!served.ok()) return served.status();
  served_ = *std::move(served);
  // Whoever connects and speaks this protocol is on the list.
  const auto up = [this](const l2p::PeerInfo& peer, const std::vector<std::string>& protocols) {
    if (std::binary_search(protocols.begin(), protocols.end(), kProtocol)) Add(peer);
  };
  watch_ = messenger.Watch({.up = up, .down = [](const l2p::PeerId&) {}});
  // Start does not wait until the network is joined.
  return tasks_.Start("@name@ joins", [this] { AskEveryone({}, host_.Now() + kJoinLimit); });
}

void @Name@Router::Stop() {
  {
    l2p::MutexLock lock(mutex_);
    stopping_ = true;
  }
  watch_ = nullptr;
  served_ = nullptr;
  // Searches notice within a glance. The messenger is ours only until this returns.
  l2p::Await(mutex_, *idle_, absl::InfiniteFuture(),
             [this]() L2P_REQUIRES(mutex_) { return asking_ == 0; });
  tasks_.Join();
}

// Only a peer with an address is of use; a cap bounds what others can make this node remember.
void @Name@Router::Add(const l2p::PeerInfo& peer) {
  if (peer.id == host_.identity().peer() || peer.addresses.empty()) return;
  l2p::MutexLock lock(mutex_);
  if (peers_.size() < most_peers_ || peers_.contains(peer.id)) peers_[peer.id] = peer;
}

absl::StatusOr<std::optional<l2p::Bytes>> @Name@Router::Serve(const l2p::Caller&,
                                                             l2p::ByteView key) {
  l2p::MutexLock lock(mutex_);
  std::string answer(1, provided_.contains(std::string(l2p::AsText(key))) ? '\1' : '\0');
  for (const auto& [id, peer] : peers_) {
    for (const l2p::Multiaddr& address : peer.addresses) {
      const std::string line = address.WithPeer(id).ToString() + "\n";
      if (answer.size() + line.size() <= kMostAnswer) answer += line;
    }
  }
  return l2p::Bytes::Of(std::move(answer));
}

std::vector<@Name@Router::Answer> @Name@Router::AskEveryone(l2p::ByteView key, l2p::Time deadline) {
  std::deque<l2p::PeerInfo> next;
  {
    l2p::MutexLock lock(mutex_);
    if (stopping_) return {};
    ++asking_;
    for (const auto& [id, peer] : peers_) next.push_back(peer);
  }
  std::set<l2p::PeerId> seen = {host_.identity().peer()};
  for (const l2p::PeerInfo& peer : next) seen.insert(peer.id);
  std::vector<Answer> answers;
  std::map<uint64_t, l2p::PeerInfo> asked;  // By number of the call.
  const std::unique_ptr<l2p::Calls> calls = messenger_->NewCalls();
  const auto stopping = [this] {
    l2p::MutexLock lock(mutex_);
    return stopping_;
  };
  while (!stopping() && host_.Now() < deadline && (!next.empty() || !asked.empty())) {
    for (; !next.empty() && asked.size() < kMostAtOnce; next.pop_front()) {
      const uint64_t call = calls->Send(next.front(), kProtocol, l2p::Bytes::Copy(key), kMostAnswer,
                                        std::min(deadline, host_.Now() + kLimit));
      asked.emplace(call, next.front());
    }
    const auto answer = calls->Next(std::min(deadline, host_.Now() + kGlance));
    if (!answer) continue;
    const l2p::PeerInfo peer = std::move(asked.extract(answer->call).mapped());
    if (!answer->result.ok() || answer->result->empty()) continue;
    const std::string_view text = answer->result->text();
    Add(peer);
    answers.push_back({peer, text[0] == '\1'});
    for (l2p::PeerInfo& named : PeersIn(text.substr(1))) {
      if (seen.size() <= most_peers_ && seen.insert(named.id).second) {
        next.push_back(std::move(named));
      }
    }
  }
  l2p::MutexLock lock(mutex_);
  if (--asking_ == 0) idle_->Set();
  return answers;
}

// The order of all routers: by the distance of SHA-256 of the peer's id to that of the key.
absl::StatusOr<std::vector<l2p::PeerInfo>> @Name@Router::ClosestPeers(const l2p::Multihash& key,
                                                                     size_t n, l2p::Time deadline) {
  const auto hash = [this](l2p::ByteView bytes) { return host_.crypto().Sha256({&bytes, 1}); };
  const l2p::Sha256Digest target = hash(key.binary());
  std::map<l2p::Sha256Digest, l2p::PeerInfo> order;
  for (Answer& answer : AskEveryone(key.binary(), deadline)) {
    l2p::Sha256Digest distance = hash(answer.from.id.binary());
    for (size_t i = 0; i < distance.size(); ++i) distance[i] ^= target[i];
    order[distance] = std::move(answer.from);
  }
  std::vector<l2p::PeerInfo> closest;
  for (auto& [distance, peer] : order) {
    if (closest.size() < n) closest.push_back(std::move(peer));
  }
  return closest;
}

absl::StatusOr<std::unique_ptr<l2p::ProviderQuery>> @Name@Router::FindProviders(
    const l2p::Multihash& key, size_t most, l2p::Time deadline) {
  std::deque<l2p::PeerInfo> providers;
  for (Answer& answer : AskEveryone(key.binary(), deadline)) {
    if (answer.provides && providers.size() < most) providers.push_back(std::move(answer.from));
  }
  return std::make_unique<Found>(std::move(providers));
}

// Whoever asks is told, so an announcement costs nothing and never grows old.
absl::Status @Name@Router::Provide(std::span<const l2p::Multihash> keys, l2p::Time) {
  l2p::MutexLock lock(mutex_);
  for (const l2p::Multihash& key : keys) provided_.insert(key.bytes());
  return absl::OkStatus();
}

void @Name@Router::Withdraw(std::span<const l2p::Multihash> keys) {
  l2p::MutexLock lock(mutex_);
  for (const l2p::Multihash& key : keys) provided_.erase(key.bytes());
}

absl::StatusOr<l2p::PeerInfo> @Name@Router::FindPeer(const l2p::PeerId& peer, l2p::Time) {
  l2p::MutexLock lock(mutex_);
  const auto found = peers_.find(peer);
  if (found != peers_.end()) return found->second;
  return absl::NotFoundError("peer " + peer.ToString() + " is not on the list");
}

std::vector<l2p::PeerInfo> @Name@Router::Known(size_t most) {
  l2p::MutexLock lock(mutex_);
  std::vector<l2p::PeerInfo> known;
  for (const auto& [id, peer] : peers_) {
    if (known.size() < most) known.push_back(peer);
  }
  return known;
}

}  // namespace @name@
