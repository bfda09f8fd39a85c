#include "lookup_watch.h"

#include "kad_wire.h"

namespace l2p::testkit {

void LookupWatch::Begin(size_t node, std::string key, size_t closest) {
  lookups_[node] = {.key = std::move(key), .closest = closest, .depths = {}, .cost = {}};
}

LookupCost LookupWatch::End(size_t node) { return lookups_.extract(node).mapped().cost; }

void LookupWatch::BeginSweep(size_t node, std::set<std::string> keys) {
  sweep_ = Sweep{.node = node, .keys = std::move(keys), .looked_for = {}};
}

size_t LookupWatch::EndSweep() {
  const size_t lookups = sweep_->looked_for.size();
  sweep_.reset();
  return lookups;
}

bool LookupWatch::IsOf(const Lookup& lookup, size_t to, ByteView key) const {
  if (AsText(key) == lookup.key) return true;
  return lookup.depths.contains(to) && AsText(key) == world_.peer(to).id.bytes();
}

void LookupWatch::Requested(size_t from, size_t to, ByteView request, bool) {
  ++requests_;
  const auto found = lookups_.find(from);
  const bool sweeps = sweep_ && sweep_->node == from;
  if (found == lookups_.end() && !sweeps) return;
  const std::optional<KadGlance> glance = GlanceAt(request);
  if (!glance) return;
  if (sweeps && glance->type == KadGlance::kFindNode) {
    std::string key(AsText(glance->key));
    if (sweep_->keys.contains(key)) sweep_->looked_for.insert(std::move(key));
  }
  if (found == lookups_.end() || !IsOf(found->second, to, glance->key)) return;
  Lookup& lookup = found->second;
  ++lookup.cost.requests;
  lookup.cost.bytes += request.size() + world_.messengers().options().costs.request;
  lookup.depths.try_emplace(to, 0);
  if (to == lookup.closest && !lookup.cost.hops) lookup.cost.hops = lookup.depths[to];
}

void LookupWatch::Connected(size_t from, size_t to) {
  const auto found = lookups_.find(from);
  if (found == lookups_.end() || !found->second.depths.contains(to)) return;
  const SimMessengers::Costs& costs = world_.messengers().options().costs;
  found->second.cost.bytes += costs.dial + costs.accept;
}

void LookupWatch::Answered(size_t asker, size_t answerer, ByteView request, ByteView answer) {
  const auto found = lookups_.find(asker);
  if (found == lookups_.end() || !found->second.depths.contains(answerer)) return;
  Lookup& lookup = found->second;
  const std::optional<KadGlance> asked = GlanceAt(request);
  const std::optional<KadGlance> glance = GlanceAt(answer);
  if (!asked || !glance || !IsOf(lookup, answerer, asked->key)) return;
  lookup.cost.bytes += answer.size() + world_.messengers().options().costs.answer;
  const size_t depth = lookup.depths[answerer] + 1;
  for (const ByteView id : glance->closer) {
    const std::optional<size_t> named = world_.NodeOf(id);
    if (!named) continue;
    lookup.depths.try_emplace(*named, depth);
    if (*named == lookup.closest && !lookup.cost.hops) lookup.cost.hops = depth;
  }
}

}  // namespace l2p::testkit
