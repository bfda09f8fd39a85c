#include "sim_network_transport.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

namespace l2p::testkit {

// One dial. A TCP handshake, TLS and the muxer cost three round trips: the other side is knocked at
// after half a one, its side of the connection stands after two and a half.
struct SimTransport::Attempt {
  SimTransport* dialer;  // Null when it was stopped.
  Multiaddr address;
  std::optional<PeerId> expected;
  std::optional<size_t> to;
  Duration one_way;
  bool abandoned = false;
  bool concluded = false;
  absl::Status why;                     // When there is no connection.
  std::shared_ptr<SimConnection> ours;  // Our end, once the other side accepted.
  std::unique_ptr<Event> done;
};

SimTransport::SimTransport(const SimNetwork::Port& port, PeerId self)
    : network_(*port.network),
      simulation_(port.network->simulation()),
      node_(port.node),
      self_(std::move(self)) {}

SimTransport::~SimTransport() { Vanish(true); }

absl::Status SimTransport::Start(Inbound& inbound) {
  inbound_ = &inbound;
  network_.Attach(node_, *this);
  return absl::OkStatus();
}

bool SimTransport::CanDial(const Multiaddr& address) const {
  const std::vector<Multiaddr::Part> parts = address.WithoutPeer().parts();
  if (parts.size() == 1) return parts[0].protocol == "memory";
  return parts.size() == 2 && (parts[0].protocol == "ip4" || parts[0].protocol == "ip6") &&
         parts[1].protocol == "tcp";
}

absl::StatusOr<std::vector<Multiaddr>> SimTransport::Listen(const Multiaddr& address) {
  if (inbound_ == nullptr) return absl::FailedPreconditionError("sim transport: not started");
  if (!CanDial(address)) {
    return absl::InvalidArgumentError(
        absl::StrCat("listen on ", address.ToString(), ": not /memory or /ip4|ip6/../tcp"));
  }
  L2P_ASSIGN_OR_RETURN(Multiaddr bound, network_.Bind(node_, address.WithoutPeer(), *this));
  return std::vector<Multiaddr>{std::move(bound)};
}

absl::StatusOr<std::shared_ptr<Connection>> SimTransport::Dial(
    const Multiaddr& address, const std::optional<PeerId>& expected, Time deadline) {
  if (!CanDial(address)) {
    return absl::InvalidArgumentError(
        absl::StrCat("dial ", address.ToString(), ": not /memory or /ip4|ip6/../tcp"));
  }
  if (inbound_ == nullptr) return absl::FailedPreconditionError("sim transport: not started");
  if (full()) return absl::ResourceExhaustedError("dial: too many connections");
  const RunningCall call(calls_);
  network_.CountDial(node_);
  auto attempt = std::make_shared<Attempt>();
  attempt->dialer = this;
  attempt->address = address.WithoutPeer();
  attempt->expected = expected;
  attempt->to = network_.NodeAt(attempt->address);
  attempt->one_way =
      attempt->to ? network_.Latency(node_, *attempt->to) : network_.options().latency;
  attempt->done = simulation_.NewEvent();
  std::erase_if(attempts_, [](const auto& old) { return old.expired(); });
  attempts_.push_back(attempt);
  Later(attempt->one_way, attempt, &SimTransport::Knock);

  const Time silence = simulation_.Now() + network_.options().silence;
  if (!attempt->done->Wait(std::min(deadline, silence))) {
    attempt->abandoned = true;
    network_.CountFailedDial(node_);
    const std::string message = absl::StrCat("dial ", address.ToString(), ": no answer in time");
    return deadline <= silence ? absl::DeadlineExceededError(message)
                               : absl::UnavailableError(message);
  }
  if (attempt->why.ok()) return attempt->ours;
  network_.CountFailedDial(node_);
  return WithContext(attempt->why, absl::StrCat("dial ", address.ToString()));
}

void SimTransport::Later(Duration delay, const std::shared_ptr<Attempt>& attempt,
                         void (SimTransport::*step)(const std::shared_ptr<Attempt>&)) {
  simulation_.At(simulation_.Now() + delay, [attempt, step] {
    if (attempt->dialer != nullptr) (attempt->dialer->*step)(attempt);
  });
}

void SimTransport::ConcludeLater(const std::shared_ptr<Attempt>& attempt, absl::Status why) {
  attempt->why = std::move(why);
  Later(attempt->one_way, attempt, &SimTransport::Conclude);
}

// Silence (no conclusion) is what a dialer gets from a host that is not there.
void SimTransport::Knock(const std::shared_ptr<Attempt>& attempt) {
  if (!attempt->to) {
    if (!attempt->address.Value("memory")) return;
    return ConcludeLater(attempt, absl::UnavailableError("no such node"));
  }
  if (!network_.Reaches(node_, *attempt->to)) return;
  if (network_.Listener(attempt->address) == nullptr) {
    return ConcludeLater(attempt, absl::UnavailableError("connection refused"));
  }
  Later(4 * attempt->one_way, attempt, &SimTransport::Shake);
}

absl::Status SimTransport::WhyNot(const Attempt& attempt, const SimTransport* answering) const {
  if (answering == nullptr) return absl::UnavailableError("connection refused");
  if (attempt.expected && *attempt.expected != answering->self_) {
    return absl::DataLossError(absl::StrCat("wanted peer ", attempt.expected->ToString(),
                                            ", found ", answering->self_.ToString()));
  }
  if (answering->full()) return absl::UnavailableError("the other side has no room");
  return absl::OkStatus();
}

void SimTransport::Shake(const std::shared_ptr<Attempt>& attempt) {
  if (attempt->abandoned || !network_.Reaches(node_, *attempt->to)) return;
  SimTransport* const answering = network_.Listener(attempt->address);
  if (absl::Status why = WhyNot(*attempt, answering); !why.ok()) {
    return ConcludeLater(attempt, std::move(why));
  }
  const bool by_memory = attempt->address.Value("memory").has_value();
  const Multiaddr from = by_memory
                             ? *Multiaddr::FromString(absl::StrCat("/memory/", node_))
                             : *Multiaddr::FromTcp(network_.ip(node_), network_.NewPort(node_));
  attempt->ours = std::make_shared<SimConnection>(
      *this,
      SimConnection::Ends{answering->self_, attempt->address, from, node_, *attempt->to, true});
  const auto theirs = std::make_shared<SimConnection>(
      *answering, SimConnection::Ends{self_, from, attempt->address, *attempt->to, node_, false});
  SimConnection::Join(attempt->ours, theirs);
  // Scheduled first: what the other side sends at once then finds our end standing.
  Later(attempt->one_way, attempt, &SimTransport::Conclude);
  answering->connections_.push_back(theirs);
  if (!answering->inbound_->OnConnection(theirs)) {
    attempt->why = absl::UnavailableError("the other side refused the connection");
    theirs->End(attempt->why, false, false);
  }
}

void SimTransport::Conclude(const std::shared_ptr<Attempt>& attempt) {
  attempt->concluded = true;
  if (attempt->ours != nullptr) {
    if (attempt->abandoned || !attempt->why.ok()) {
      attempt->ours->End(absl::UnavailableError("dial: given up"), true, false);
    } else {
      connections_.push_back(attempt->ours);
    }
  }
  attempt->done->Set();
}

void SimTransport::OnEnded(const std::shared_ptr<SimConnection>& connection, bool tell) {
  std::erase(connections_, connection);
  if (!tell || inbound_ == nullptr) return;
  closed_.push_back(connection);
  if (closed_.size() > 1) return;
  simulation_.At(simulation_.Now(), [me = std::weak_ptr<SimTransport*>(me_)] {
    if (const auto transport = me.lock()) (*transport)->ReportClosed();
  });
}

void SimTransport::ReportClosed() {
  for (const auto& connection : std::exchange(closed_, {})) {
    if (inbound_ != nullptr) inbound_->OnClosed(connection, connection->why_ended());
  }
}

void SimTransport::PathsChanged() {
  const std::vector<std::shared_ptr<SimConnection>> standing = connections_;
  for (const auto& connection : standing) connection->PathChanged();
}

void SimTransport::ResetConnectionsTo(size_t node) {
  const std::vector<std::shared_ptr<SimConnection>> standing = connections_;
  for (const auto& connection : standing) {
    if (connection->other_node() == node) connection->ResetBoth();
  }
}

void SimTransport::StopListening() { network_.Unbind(*this); }

std::vector<std::shared_ptr<SimTransport::Attempt>> SimTransport::GiveUpAttempts() {
  std::vector<std::shared_ptr<Attempt>> open;
  for (const std::weak_ptr<Attempt>& weak : std::exchange(attempts_, {})) {
    const std::shared_ptr<Attempt> attempt = weak.lock();
    if (attempt == nullptr || attempt->concluded) continue;
    attempt->dialer = nullptr;
    attempt->why = absl::AbortedError("the transport was stopped");
    if (attempt->ours != nullptr) attempt->ours->End(attempt->why, true, false);
    open.push_back(attempt);
  }
  return open;
}

void SimTransport::Stop() {
  if (inbound_ == nullptr) return;
  for (const auto& attempt : GiveUpAttempts()) attempt->done->Set();
  const std::vector<std::shared_ptr<SimConnection>> standing = connections_;
  for (const auto& connection : standing) {
    connection->End(absl::UnavailableError("connection: the transport was stopped"), true, true);
  }
  network_.Detach(node_, *this);
  if (calls_->none == nullptr) calls_->none = simulation_.NewEvent();
  while (calls_->running > 0) {
    calls_->none->Reset();
    calls_->none->Wait(absl::InfiniteFuture());
  }
  ReportClosed();
  inbound_ = nullptr;
}

void SimTransport::Vanish(bool reset_others) {
  if (inbound_ == nullptr) return;
  GiveUpAttempts();
  const std::vector<std::shared_ptr<SimConnection>> standing = connections_;
  for (const auto& connection : standing) {
    connection->End(absl::UnavailableError("connection: this host is down"), reset_others, false);
  }
  closed_.clear();
  inbound_ = nullptr;
  network_.Detach(node_, *this);
}

namespace {

constexpr SettingSpec kSettings[] = {
    {"listen", SettingType::kList, "/ip4/0.0.0.0/tcp/0", "",
     "addresses to listen on; port 0 takes any free one"},
};

absl::StatusOr<std::unique_ptr<Transport>> OpenSimTransport(Host& host, const Settings&) {
  const auto* const port = static_cast<const SimNetwork::Port*>(host.Query(SimNetwork::kAbility));
  if (port == nullptr) {
    return absl::FailedPreconditionError("transport sim: the host is on no simulated network");
  }
  return std::make_unique<SimTransport>(*port, host.identity().peer());
}

}  // namespace

constinit const PluginDescriptor kSimTransport = {
    kPluginMagic,
    sizeof(PluginDescriptor),
    kSdkMajor,
    kSdkMinor,
    L2P_TOOLCHAIN,
    Transport::kKind,
    "sim",
    kVersion,
    kSettings,
    std::size(kSettings),
    &OpenAs<Transport, &OpenSimTransport>,
};

}  // namespace l2p::testkit
