#ifndef L2P_TESTKIT_SIMULATE_LOOKUP_WATCH_H_
#define L2P_TESTKIT_SIMULATE_LOOKUP_WATCH_H_

#include <map>
#include <optional>
#include <set>
#include <string>

#include "l2p/testkit/routing_world.h"

namespace l2p::testkit {

// What a lookup has cost, as seen from outside the plugin.
struct LookupCost {
  size_t requests = 0;
  size_t bytes = 0;  // Both directions, dials included.
  // Depth of the answer that first named the closest peer; 0: it was asked before any named it, so
  // it was in the asking node's own table.
  std::optional<size_t> hops;
};

// A LookupWatch reads the kad-dht messages of a RoutingWorld and tells which belong to a lookup:
// requests for its key, and those that ask a peer it has come across for that peer's own id.
// One lookup of a node at a time.
class LookupWatch : public MessageObserver {
 public:
  explicit LookupWatch(RoutingWorld& world) : world_(world) {}

  void Begin(size_t node, std::string key, size_t closest);
  LookupCost End(size_t node);

  // Between the two: how many of `keys` are looked for by `node`.
  void BeginSweep(size_t node, std::set<std::string> keys);
  size_t EndSweep();

  // Of all nodes, whatever for.
  uint64_t requests() const { return requests_; }

  void Requested(size_t from, size_t to, ByteView request, bool dials) override;
  void Connected(size_t from, size_t to) override;
  void Answered(size_t asker, size_t answerer, ByteView request, ByteView answer) override;

 private:
  struct Lookup {
    std::string key;
    size_t closest;
    std::map<size_t, size_t> depths;  // Of the peers it has come across.
    LookupCost cost;
  };
  struct Sweep {
    size_t node;
    std::set<std::string> keys;
    std::set<std::string> looked_for;
  };

  bool IsOf(const Lookup& lookup, size_t to, ByteView key) const;

  RoutingWorld& world_;
  std::map<size_t, Lookup> lookups_;  // By asking node.
  std::optional<Sweep> sweep_;
  uint64_t requests_ = 0;
};

}  // namespace l2p::testkit

#endif  // L2P_TESTKIT_SIMULATE_LOOKUP_WATCH_H_
