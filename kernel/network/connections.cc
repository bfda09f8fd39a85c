#include "kernel/network/connections.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p {
namespace {

// The address that the inbound cap counts, or "" if it does not count this one.
std::string CountedIp(const Connection& connection) {
  const Multiaddr& remote = connection.remote();
  if (connection.outbound() || remote.scope() != Multiaddr::Scope::kPublic) return "";
  return remote.Value("ip4").value_or(remote.Value("ip6").value_or(""));
}

}  // namespace

Connections::Connections(Runtime& runtime, const PeerId& self, PeerBook& book,
                         PeerWatchers& watchers, size_t max_inbound, Events events)
    : runtime_(runtime),
      self_(self),
      book_(book),
      watchers_(watchers),
      max_inbound_(max_inbound),
      events_(std::move(events)),
      dialling_(runtime, "dial", kMostDials, kMostQueuedDials),
      attempts_(runtime.tasks(), runtime.NewEvent()) {}

absl::Status Connections::AddTransport(std::shared_ptr<Transport> transport) {
  L2P_RETURN_IF_ERROR(transport->Start(*this));
  MutexLock lock(mutex_);
  transports_.push_back(std::move(transport));
  return absl::OkStatus();
}

void Connections::RemoveTransport(const std::shared_ptr<Transport>& transport) {
  {
    MutexLock lock(mutex_);
    std::erase(transports_, transport);
  }
  transport->StopListening();
  transport->Stop();
}

std::vector<std::shared_ptr<Transport>> Connections::transports() {
  MutexLock lock(mutex_);
  return transports_;
}

std::shared_ptr<Connection> Connections::Find(const PeerId& peer) {
  const Time now = runtime_.Now();
  MutexLock lock(mutex_);
  auto it = peers_.find(peer);
  if (it == peers_.end()) return nullptr;
  it->second.links.front().busy = now;
  return it->second.links.front().connection;
}

bool Connections::Preferred(const Connection& a, const Connection& b) const {
  // After dials from both sides at once, each side keeps the one dialled by the smaller id.
  const bool smaller_dials_out = self_ < a.peer();
  const bool a_by_smaller = a.outbound() == smaller_dials_out;
  const bool b_by_smaller = b.outbound() == smaller_dials_out;
  return a_by_smaller && !b_by_smaller;
}

bool Connections::MayAdopt(const Connection& connection) {
  if (stopped_) return false;
  auto peer = peers_.find(connection.peer());
  if (peer != peers_.end() && peer->second.links.size() >= kMostConnectionsPerPeer) return false;
  if (connection.outbound()) return outbound_ < kMostOutbound;
  if (draining_ || inbound_ >= max_inbound_) return false;
  const std::string ip = CountedIp(connection);
  auto count = inbound_by_ip_.find(ip);
  return ip.empty() || count == inbound_by_ip_.end() || count->second < kMostInboundPerAddress;
}

absl::Status Connections::Adopt(const std::shared_ptr<Connection>& connection) {
  if (connection->peer() == self_) return absl::InvalidArgumentError("the peer is this node");
  const std::string ip = CountedIp(*connection);
  const Time now = runtime_.Now();
  {
    MutexLock lock(mutex_);
    for (const auto& ended : ended_early_) {
      if (ended.lock() == connection) return absl::UnavailableError("the connection has ended");
    }
    if (!MayAdopt(*connection)) {
      return absl::ResourceExhaustedError("too many connections, or stopping");
    }
    ++(connection->outbound() ? outbound_ : inbound_);
    if (!ip.empty()) ++inbound_by_ip_[ip];
    std::vector<Link>& links = peers_[connection->peer()].links;
    auto place = std::find_if(links.begin(), links.end(), [&](const Link& link) {
      return Preferred(*connection, *link.connection);
    });
    links.insert(place, {connection, now, now});
  }
  events_.connected(connection);
  return absl::OkStatus();
}

bool Connections::Accepts(std::string_view protocol) { return events_.accepts(protocol); }

bool Connections::OnConnection(std::shared_ptr<Connection> connection) {
  was_dialled_ = true;
  return Adopt(connection).ok();
}

void Connections::OnStream(const std::shared_ptr<Connection>& connection, std::string_view protocol,
                           std::unique_ptr<Stream> stream) {
  events_.stream(connection, protocol, std::move(stream));
}

void Connections::OnClosed(const std::shared_ptr<Connection>& connection, absl::Status) {
  const PeerId& id = connection->peer();
  {
    MutexLock lock(mutex_);
    auto peer = peers_.find(id);
    auto is_it = [&](const Link& link) { return link.connection == connection; };
    if (peer == peers_.end() || std::erase_if(peer->second.links, is_it) == 0) {
      std::erase_if(ended_early_, [](const auto& ended) { return ended.expired(); });
      if (connection->outbound()) ended_early_.push_back(connection);
      return;
    }
    --(connection->outbound() ? outbound_ : inbound_);
    auto count = inbound_by_ip_.find(CountedIp(*connection));
    if (count != inbound_by_ip_.end() && --count->second == 0) inbound_by_ip_.erase(count);
    if (peer->second.links.empty()) {
      if (peer->second.identified) watchers_.PushDown(id);
      peers_.erase(peer);
    }
  }
  watchers_.Deliver();
  book_.Seen(id);
}

void Connections::SetIdentified(const PeerWatchers::Up& up) {
  {
    MutexLock lock(mutex_);
    auto peer = peers_.find(up.peer.id);
    if (peer == peers_.end()) return;
    peer->second.identified = true;
    watchers_.PushUp(up);
  }
  watchers_.Deliver();
}

std::unique_ptr<Registration> Connections::Watch(PeerWatcher watcher) {
  std::unique_ptr<Registration> registration;
  {
    // One step for the watchers: no event falls between the peers it begins with and the first one
    // that is pushed.
    MutexLock lock(mutex_);
    std::vector<PeerWatchers::Up> current;
    for (const auto& [id, peer] : peers_) {
      if (!peer.identified) continue;
      PeerBook::Identified said = book_.Find(id).value_or(PeerBook::Identified());
      current.push_back({{id, std::move(said.addresses)}, std::move(said.protocols)});
    }
    registration = watchers_.Add(std::move(watcher), current);
  }
  watchers_.Deliver();
  return registration;
}

std::vector<PeerId> Connections::Identified() {
  MutexLock lock(mutex_);
  std::vector<PeerId> identified;
  for (const auto& [id, peer] : peers_) {
    if (peer.identified) identified.push_back(id);
  }
  return identified;
}

std::vector<Connections::Standing> Connections::All() {
  MutexLock lock(mutex_);
  std::vector<Standing> all;
  for (const auto& [_, peer] : peers_) {
    for (const Link& link : peer.links) {
      all.push_back({link.connection, link.since, peer.identified});
    }
  }
  return all;
}

bool Connections::empty() {
  MutexLock lock(mutex_);
  return std::all_of(peers_.begin(), peers_.end(),
                     [](const auto& entry) { return entry.second.links.empty(); });
}

void Connections::Protect(const PeerId& peer) {
  MutexLock lock(mutex_);
  protected_.insert(peer);
}

void Connections::Unprotect(const PeerId& peer) {
  MutexLock lock(mutex_);
  protected_.erase(peer);
}

void Connections::Sweep() {
  // How many streams there are is asked of the transport, so not under the mutex.
  std::set<std::shared_ptr<Connection>> busy;
  for (const Standing& standing : All()) {
    if (standing.connection->streams() > 0) busy.insert(standing.connection);
  }
  std::vector<std::shared_ptr<Connection>> idle;
  const Time now = runtime_.Now();
  {
    MutexLock lock(mutex_);
    const bool crowded = inbound_ * 10 >= max_inbound_ * 9;
    for (auto& [id, peer] : peers_) {
      for (Link& link : peer.links) {
        if (busy.contains(link.connection)) link.busy = now;
        const bool surplus = &link != &peer.links.front();
        if (!surplus && protected_.contains(id)) continue;
        const Duration limit =
            surplus ? kSurplusIdleLimit : (crowded ? kCrowdedIdleLimit : kIdleLimit);
        if (now - link.busy >= limit) idle.push_back(link.connection);
      }
    }
  }
  for (const auto& connection : idle) connection->Close();
}

void Connections::Drain() {
  {
    MutexLock lock(mutex_);
    draining_ = true;
  }
  for (const auto& transport : transports()) transport->StopListening();
}

void Connections::Stop() {
  {
    MutexLock lock(mutex_);
    draining_ = true;
    stopped_ = true;
  }
  // This makes the dials on their way fail, so that joining them does not wait for their limits.
  for (const auto& transport : transports()) transport->Stop();
  dialling_.Join();
  attempts_.Join();
  std::map<PeerId, std::shared_ptr<Attempts>> queued;
  {
    MutexLock lock(mutex_);
    queued = dials_;
  }
  for (const auto& [_, dial] : queued) EndDial(dial);
}

}  // namespace l2p
