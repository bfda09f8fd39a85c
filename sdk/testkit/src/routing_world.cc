#include "l2p/testkit/routing_world.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace l2p::testkit {

RoutingWorld::RoutingWorld(Simulation& simulation, Factory<Router> routers, HostFactory hosts,
                           Options options)
    : simulation_(simulation),
      routers_(std::move(routers)),
      hosts_(std::move(hosts)),
      options_(std::move(options)),
      network_(simulation, options_.network),
      messengers_(network_, options_.messages) {}

RoutingWorld::~RoutingWorld() {
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i]->router != nullptr) nodes_[i]->router->Stop();
  }
}

absl::StatusOr<size_t> RoutingWorld::Add(std::span<const size_t> known) {
  const size_t i = network_.AddNode(options_.ip ? options_.ip(nodes_.size()) : "");
  nodes_.push_back(std::make_unique<Node>());
  L2P_RETURN_IF_ERROR(Restart(i, known));
  return i;
}

absl::Status RoutingWorld::Restart(size_t i, std::span<const size_t> known) {
  Node& node = *nodes_[i];
  node.runtime = std::make_unique<SimRuntime>(simulation_, node.disk, absl::StrCat("node", i));
  node.host = hosts_(*node.runtime, i);
  node.messenger = messengers_.New(i, *node.runtime, node.host->identity().peer());
  node.info = node.messenger->Self();
  node.position = PositionOf(node.info.id.binary());
  node.started = simulation_.Now();
  by_id_[node.info.id.bytes()] = i;
  L2P_ASSIGN_OR_RETURN(node.router, routers_(*node.host));
  std::vector<PeerInfo> peers;
  for (const size_t other : known) {
    if (other != i) peers.push_back(nodes_[other]->info);
  }
  return node.router->Start(*node.messenger, peers);
}

void RoutingWorld::Stop(size_t i) {
  Node& node = *nodes_[i];
  node.router->Stop();
  node.router.reset();
  node.messenger.reset();
  node.host.reset();
  node.runtime.reset();
}

void RoutingWorld::Vanish(std::span<const size_t> nodes) {
  for (const size_t i : nodes) network_.SetFate(i, SimNetwork::Fate::kDown);
  // An end in order gives memory back; nobody hears anything of it.
  for (const size_t i : nodes) Stop(i);
}

std::optional<size_t> RoutingWorld::NodeOf(ByteView peer_id) const {
  const auto found = by_id_.find(av(AsText(peer_id)));
  if (found == by_id_.end()) return std::nullopt;
  return found->second;
}

uint64_t RoutingWorld::PositionOf(ByteView key) const {
  const Node& any = **std::find_if(nodes_.begin(), nodes_.end(),
                                   [](const auto& node) { return node->host != nullptr; });
  const Sha256Digest digest = any.host->crypto().Sha256({&key, 1});
  uint64_t position = 0;
  for (size_t byte = 0; byte < sizeof position; ++byte) position = position << 8 | digest[byte];
  return position;
}

std::vector<size_t> RoutingWorld::Closest(ByteView key, size_t n,
                                          const std::function<bool(size_t)>& counts) const {
  const uint64_t target = PositionOf(key);
  std::vector<std::pair<uint64_t, size_t>> order;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (runs(i) && counts(i)) order.emplace_back(target ^ nodes_[i]->position, i);
  }
  n = std::min(n, order.size());
  std::partial_sort(order.begin(), order.begin() + static_cast<ptrdiff_t>(n), order.end());
  std::vector<size_t> closest;
  for (size_t rank = 0; rank < n; ++rank) closest.push_back(order[rank].second);
  return closest;
}

}  // namespace l2p::testkit
