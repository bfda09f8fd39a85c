#include "l2p/testkit/sim_network.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "sim_network_transport.h"

namespace l2p::testkit {
namespace {

uint64_t Mixed(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
  return value ^ (value >> 31);
}

// A standard normal number that belongs to `key` (Box-Muller).
double NormalOf(uint64_t key) {
  const double u = (static_cast<double>(Mixed(key) >> 11) + 1) / 9007199254740993.0;
  const double v = static_cast<double>(Mixed(key + 0x9e3779b97f4a7c15u) >> 11) / 9007199254740992.0;
  return std::sqrt(-2 * std::log(u)) * std::cos(2 * std::numbers::pi * v);
}

// The /ip4 or /ip6 that `address` begins with; empty if it is something else.
std::string_view LeadingIp(const Multiaddr& address) {
  constexpr char kIp4Code = 4, kIp6Code = 41;
  const std::string_view bytes = address.bytes();
  if (bytes.empty()) return {};
  if (bytes[0] == kIp4Code) return bytes.substr(0, 1 + 4);
  return bytes[0] == kIp6Code ? bytes.substr(0, 1 + 16) : std::string_view();
}

Duration TimeFor(size_t bytes, uint64_t per_second) {
  return per_second == 0 ? absl::ZeroDuration()
                         : absl::Seconds(static_cast<double>(bytes) / per_second);
}

}  // namespace

SimNetwork::SimNetwork(Simulation& simulation) : SimNetwork(simulation, Options()) {}

SimNetwork::SimNetwork(Simulation& simulation, Options options)
    : simulation_(simulation), options_(options) {}

SimNetwork::~SimNetwork() = default;

size_t SimNetwork::AddNode(std::string ip) {
  const size_t node = nodes_.size();
  if (ip.empty()) {
    const size_t n = node + 1;
    ip = absl::StrCat("10.", n >> 16 & 255, ".", n >> 8 & 255, ".", n & 255);
  }
  by_ip_[std::string(LeadingIp(*Multiaddr::FromTcp(ip, 0)))] = node;
  Node& made = nodes_.emplace_back();
  made.port = {this, node};
  made.ip = std::move(ip);
  made.up = options_.up;
  made.down = options_.down;
  return node;
}

void SimNetwork::SetFate(size_t node, Fate fate) {
  if (nodes_[node].fate == Fate::kFrozen) nodes_[node].thawed = simulation_.Now();
  nodes_[node].fate = fate;
  if (fate == Fate::kDown || fate == Fate::kRefusing) {
    // Taken first: a transport that vanishes detaches itself.
    const std::vector<SimTransport*> dying = nodes_[node].transports;
    for (SimTransport* transport : dying) transport->Vanish(fate == Fate::kRefusing);
  }
  PathsChanged();
}

Time SimNetwork::BeginWait(Time deadline) {
  waits_.longest_allowed = std::max(waits_.longest_allowed, deadline - simulation_.Now());
  return ignores_deadlines_ ? absl::InfiniteFuture() : deadline;
}

// A frozen node notices nothing.
void SimNetwork::EndWait(size_t node, Time deadline) {
  const Time due = std::max(deadline, nodes_[node].thawed);
  waits_.longest_overrun = std::max(waits_.longest_overrun, simulation_.Now() - due);
}

void SimNetwork::SetIsland(size_t node, int island) {
  nodes_[node].island = island;
  PathsChanged();
}

void SimNetwork::HealPartitions() {
  for (Node& node : nodes_) node.island = 0;
  PathsChanged();
}

void SimNetwork::PathsChanged() {
  for (Node& node : nodes_) {
    const std::vector<SimTransport*> transports = node.transports;
    for (SimTransport* transport : transports) transport->PathsChanged();
  }
}

void SimNetwork::ResetConnections(size_t a, size_t b) {
  const std::vector<SimTransport*> transports = nodes_[a].transports;
  for (SimTransport* transport : transports) transport->ResetConnectionsTo(b);
}

void SimNetwork::SetBandwidth(size_t node, uint64_t up, uint64_t down) {
  nodes_[node].up = up;
  nodes_[node].down = down;
}

void SimNetwork::SetLatency(size_t node, Duration one_way) { nodes_[node].latency = one_way; }

SimNetwork::Traffic SimNetwork::total() const {
  Traffic sum;
  for (const Node& node : nodes_) {
    sum.messages_out += node.traffic.messages_out;
    sum.messages_in += node.traffic.messages_in;
    sum.bytes_out += node.traffic.bytes_out;
    sum.bytes_in += node.traffic.bytes_in;
    sum.dials += node.traffic.dials;
    sum.failed_dials += node.traffic.failed_dials;
  }
  return sum;
}

// Drawn from the pair's numbers each time, so that 10,000 nodes need no table of pairs.
Duration SimNetwork::Latency(size_t from, size_t to) const {
  const std::optional<Duration>& a = nodes_[from].latency;
  const std::optional<Duration>& b = nodes_[to].latency;
  if (a || b) return std::max(a.value_or(absl::ZeroDuration()), b.value_or(absl::ZeroDuration()));
  if (options_.latency_sigma == 0) return options_.latency;
  const auto [low, high] = std::minmax(from, to);
  const uint64_t pair = Mixed(options_.seed) ^ Mixed(low << 32 | high);
  return options_.latency * std::exp(options_.latency_sigma * NormalOf(pair));
}

bool SimNetwork::Reaches(size_t from, size_t to) const {
  const Node& a = nodes_[from];
  const Node& b = nodes_[to];
  const auto alive = [](Fate fate) { return fate == Fate::kUp || fate == Fate::kRefusing; };
  return alive(a.fate) && alive(b.fate) && a.island == b.island;
}

Time SimNetwork::Transmit(size_t from, size_t to, size_t bytes) {
  Node& sender = nodes_[from];
  Node& receiver = nodes_[to];
  ++sender.traffic.messages_out;
  ++receiver.traffic.messages_in;
  sender.traffic.bytes_out += bytes;
  receiver.traffic.bytes_in += bytes;
  Time sent = simulation_.Now();
  if (sender.up != 0) {
    sender.up_free = std::max(sent, sender.up_free) + TimeFor(bytes, sender.up);
    sent = sender.up_free;
  }
  Time arrives = sent + Latency(from, to);
  if (receiver.down != 0) {
    const Duration needed = TimeFor(bytes, receiver.down);
    arrives = TakeFrom(receiver.down_busy, arrives - needed, needed) + needed;
  }
  return arrives;
}

// The first time from `begin` on at which the link is free for so long; it is not from then on. A
// message from a slow sender takes its place far ahead, and others pass before it.
Time SimNetwork::TakeFrom(Busy& busy, Time begin, Duration needed) const {
  std::erase_if(busy, [now = simulation_.Now()](const auto& entry) { return entry.second < now; });
  auto next = busy.begin();
  for (; next != busy.end() && next->first < begin + needed; ++next) {
    begin = std::max(begin, next->second);
  }
  Time end = begin + needed;
  if (next != busy.end() && next->first == end) {
    end = next->second;
    next = busy.erase(next);
  }
  if (next != busy.begin() && std::prev(next)->second == begin) {
    std::prev(next)->second = end;
  } else {
    busy.emplace_hint(next, begin, end);
  }
  return begin;
}

std::optional<size_t> SimNetwork::NodeAt(const Multiaddr& address) const {
  const std::string_view ip = LeadingIp(address);
  if (!ip.empty()) {
    const auto found = by_ip_.find(av(ip));
    if (found == by_ip_.end()) return std::nullopt;
    return found->second;
  }
  size_t node;
  const std::string memory = address.Value("memory").value_or("");
  if (!absl::SimpleAtoi(memory, &node) || node >= nodes_.size()) return std::nullopt;
  return node;
}

void SimNetwork::Attach(size_t node, SimTransport& transport) {
  nodes_[node].transports.push_back(&transport);
}

void SimNetwork::Detach(size_t node, SimTransport& transport) {
  std::erase(nodes_[node].transports, &transport);
  Unbind(transport);
}

absl::StatusOr<Multiaddr> SimNetwork::Bind(size_t node, const Multiaddr& address,
                                           SimTransport& transport) {
  Multiaddr bound = address;
  if (const std::optional<std::string> port = address.Value("tcp")) {
    std::string host = address.Value("ip4") ? *address.Value("ip4") : *address.Value("ip6");
    if (host == "0.0.0.0" || host == "::") host = nodes_[node].ip;
    const uint16_t number = static_cast<uint16_t>(std::stoul(*port));
    L2P_ASSIGN_OR_RETURN(bound, Multiaddr::FromTcp(host, number == 0 ? NewPort(node) : number));
  }
  if (NodeAt(bound) != node) {
    return absl::FailedPreconditionError(
        absl::StrCat("listen on ", address.ToString(), ": not an address of this node"));
  }
  listeners_[bound] = &transport;
  return bound;
}

void SimNetwork::Unbind(SimTransport& transport) {
  std::erase_if(listeners_, [&](const auto& entry) { return entry.second == &transport; });
}

SimTransport* SimNetwork::Listener(const Multiaddr& address) const {
  const auto found = listeners_.find(address);
  return found == listeners_.end() ? nullptr : found->second;
}

}  // namespace l2p::testkit
