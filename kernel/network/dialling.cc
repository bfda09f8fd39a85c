// The dialling half of Connections.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "kernel/network/connections.h"

namespace l2p {

// One dial of one peer. Guarded by Connections::mutex_ from `candidates` on;
// the rest is set before others see it.
struct Connections::Attempts {
  PeerId peer;
  std::unique_ptr<Event> event;
  Time deadline;
  std::vector<Multiaddr> candidates;  // In the order of trial; the first `tried` were begun.
  size_t tried = 0;
  size_t running = 0;
  size_t failed = 0;
  std::shared_ptr<Connection> connection;
  absl::Status failure = absl::UnavailableError("no address that can be dialled now");
  std::vector<Done> waiters;

  bool HasNext() const { return tried < std::min(candidates.size(), kMostAddressesTried); }
};

std::vector<Multiaddr> Connections::Candidates(const PeerInfo& to) {
  std::vector<Multiaddr> addresses = book_.DialOrder(to, /*alone=*/empty());
  const auto all = transports();
  std::erase_if(addresses, [&](const Multiaddr& address) {
    return std::none_of(all.begin(), all.end(),
                        [&](const auto& transport) { return transport->CanDial(address); });
  });
  return addresses;
}

void Connections::Dial(const PeerInfo& to, Done done) {
  if (to.id == self_) return done(absl::InvalidArgumentError("the peer is this node"));
  if (std::shared_ptr<Connection> standing = Find(to.id)) return done(std::move(standing));
  const std::vector<Multiaddr> candidates = Candidates(to);
  auto dial = std::make_shared<Attempts>();
  dial->peer = to.id;
  dial->event = runtime_.NewEvent();
  bool is_new = false;
  {
    MutexLock lock(mutex_);
    auto [slot, inserted] = dials_.try_emplace(to.id, dial);
    is_new = inserted;
    dial = slot->second;
    for (const Multiaddr& address : candidates) {
      auto& known = dial->candidates;
      if (std::find(known.begin(), known.end(), address) == known.end()) known.push_back(address);
    }
    if (dial->waiters.size() < kMostWaitersPerDial)
      dial->waiters.push_back(std::exchange(done, {}));
  }
  if (done) return done(absl::ResourceExhaustedError("too many wait for this dial"));
  if (!is_new) return dial->event->Set();
  if (dialling_.Submit([this, dial] { RunDial(dial); })) return;
  {
    MutexLock lock(mutex_);
    dial->failure = absl::ResourceExhaustedError("too many dials, or stopping");
  }
  EndDial(dial);
}

void Connections::RunDial(const std::shared_ptr<Attempts>& dial) {
  dial->deadline = runtime_.Now() + kDialLimit;
  for (bool going_on = true; going_on;) {
    std::optional<Multiaddr> next;
    size_t failed = 0;
    {
      MutexLock lock(mutex_);
      failed = dial->failed;
      if (dial->HasNext() && !stopped_) next = dial->candidates[dial->tried++];
      dial->running += next.has_value();
    }
    if (next) StartAttempt(dial, *next);
    const Time pause =
        next ? std::min(runtime_.Now() + kHeadStart, dial->deadline) : dial->deadline;
    auto changed = [&]() L2P_REQUIRES(mutex_) {
      const bool can_begin_another = !next && dial->HasNext();
      return dial->connection || dial->failed > failed || dial->running == 0 || can_begin_another;
    };
    Await(mutex_, *dial->event, pause, changed);
    const Time now = runtime_.Now();
    MutexLock lock(mutex_);
    const bool exhausted = dial->running == 0 && !dial->HasNext();
    going_on = !dial->connection && !exhausted && !stopped_ && now < dial->deadline;
  }
  EndDial(dial);
}

void Connections::StartAttempt(const std::shared_ptr<Attempts>& dial, const Multiaddr& address) {
  auto attempt = [this, dial, address] { Attempt(dial, address); };
  // At the cap of tasks this one makes do with the one it has, an address after the other.
  if (!attempts_.Start("dial an address", attempt).ok()) attempt();
}

void Connections::Attempt(const std::shared_ptr<Attempts>& dial, const Multiaddr& address) {
  const Time deadline = std::min(runtime_.Now() + kAddressLimit, dial->deadline);
  absl::StatusOr<std::shared_ptr<Connection>> result = DialAddress(address, dial->peer, deadline);
  if (result.ok()) {
    book_.DialSucceeded(dial->peer, address);
  } else if (!absl::IsAborted(result.status()) && !absl::IsResourceExhausted(result.status())) {
    book_.DialFailed(dial->peer, address, absl::IsDataLoss(result.status()));
  }
  MutexLock lock(mutex_);
  --dial->running;
  if (result.ok()) {
    if (!dial->connection) dial->connection = *std::move(result);
  } else {
    ++dial->failed;
    dial->failure = result.status();
  }
  dial->event->Set();
}

void Connections::EndDial(const std::shared_ptr<Attempts>& dial) {
  std::vector<Done> waiters;
  absl::StatusOr<std::shared_ptr<Connection>> result = absl::UnknownError("");
  {
    MutexLock lock(mutex_);
    auto it = dials_.find(dial->peer);
    if (it != dials_.end() && it->second == dial) dials_.erase(it);
    waiters.swap(dial->waiters);
    if (dial->connection) {
      result = dial->connection;
    } else {
      result = dial->running > 0 ? absl::UnavailableError("no answer in time") : dial->failure;
    }
  }
  // Meanwhile the peer may have dialled us.
  if (std::shared_ptr<Connection> standing; !result.ok() && (standing = Find(dial->peer))) {
    result = std::move(standing);
  }
  if (!result.ok()) {
    result = WithContext(result.status(), absl::StrCat("dial ", dial->peer.ToString()));
  }
  for (const Done& done : waiters) done(result);
}

absl::StatusOr<std::shared_ptr<Connection>> Connections::DialAddress(
    const Multiaddr& address, const std::optional<PeerId>& expected, Time deadline) {
  for (const auto& transport : transports()) {
    if (!transport->CanDial(address)) continue;
    L2P_ASSIGN_OR_RETURN(std::shared_ptr<Connection> connection,
                         transport->Dial(address, expected, deadline));
    const absl::Status adopted = Adopt(connection);
    if (adopted.ok()) return connection;
    connection->Close();
    return adopted;
  }
  return absl::InvalidArgumentError(absl::StrCat("no transport can dial ", address.ToString()));
}

absl::StatusOr<std::shared_ptr<Connection>> Connections::Connect(const PeerInfo& to,
                                                                 Time deadline) {
  // Shared with the dial, which may end after this wait has given up.
  struct Outcome {
    Mutex mutex{"Connections::Connect"};
    std::unique_ptr<Event> event;
    absl::StatusOr<std::shared_ptr<Connection>> result = nullptr;
    bool done = false;
  };
  if (std::shared_ptr<Connection> standing = Find(to.id)) return standing;
  auto outcome = std::make_shared<Outcome>();
  outcome->event = runtime_.NewEvent();
  Dial(to, [outcome](absl::StatusOr<std::shared_ptr<Connection>> result) {
    MutexLock lock(outcome->mutex);
    outcome->result = std::move(result);
    outcome->done = true;
    outcome->event->Set();
  });
  if (!Await(outcome->mutex, *outcome->event, deadline, [&] { return outcome->done; })) {
    return absl::DeadlineExceededError(
        absl::StrCat("dial ", to.id.ToString(), ": no connection in time"));
  }
  return outcome->result;
}

absl::StatusOr<std::shared_ptr<Connection>> Connections::ConnectAnyone(const Multiaddr& address,
                                                                       Time deadline) {
  L2P_ASSIGN_OR_RETURN(std::shared_ptr<Connection> connection,
                       DialAddress(address, std::nullopt, deadline));
  book_.DialSucceeded(connection->peer(), address);
  return connection;
}

}  // namespace l2p
