#ifndef L2P_KERNEL_NODE_H_
#define L2P_KERNEL_NODE_H_

#include <memory>
#include <string>
#include <vector>

#include "kernel/content/content.h"
#include "kernel/content/garbage_collector.h"
#include "kernel/content/health.h"
#include "kernel/loader/registry.h"
#include "kernel/network/network.h"
#include "kernel/node_config.h"
#include "kernel/slots.h"
#include "kernel/store_slot.h"
#include "l2p/runtime.h"

namespace l2p {

// A KernelNode is one l2p node: it opens the plugins that its settings name, in order, and joins
// them. It knows no thread, socket or file; the same class runs in l2pkernel and, many times in one
// process, in the simulator.
//
// Open, Start and Stop are called once each, in this order, by one task; the rest is [any thread]
// between Start and Stop.
class KernelNode {
 public:
  // `runtime`, `config` and `plugins` are lent and outlive the node. Errors name the setting or the
  // plugin that is at fault; nothing is left running then.
  static absl::StatusOr<std::unique_ptr<KernelNode>> Open(Runtime& runtime,
                                                          const NodeConfig& config,
                                                          PluginRegistry& plugins);
  ~KernelNode();

  // Listens, joins the network and serves.
  absl::Status Start();

  // Drains: accepts nothing new, lets what runs finish until `deadline`, then stops everything.
  void Stop(Time deadline);

  // This node's id and the addresses it announces.
  PeerInfo self() const;

  struct Status {
    Time started;
    BlockStore::StoreUsage store;
    uint64_t quota_bytes = 0;
    uint64_t held_groups = 0;
    size_t connected_peers = 0;
    size_t known_peers = 0;   // In the routing table.
    size_t memory_limit = 0;  // Bytes in flight: allowed and used.
    size_t memory_used = 0;
    uint64_t disk_free = 0;          // Of the disk that data.dir is on.
    uint64_t disk_total = 0;         // 0 when it cannot be told.
    uint64_t lost_blocks = 0;        // Of held groups, absent or damaged here.
    uint64_t degraded_groups = 0;    // Held groups that a repair is due for, as the services say.
    uint64_t incomplete_groups = 0;  // Own groups with fewer holders than asked for; tried again.
    bool was_dialled = false;        // Some node has connected to this one since it was started.
    std::string seen_at;             // A public address that others see this node at; else empty.
    std::optional<StoreSlot::Move> move;  // Of the blocks, to another store.
    bool joined = false;  // Some peer is connected, or this is a network of one by its settings.
    std::vector<std::string>
        advice;  // What a person should do, one sentence each; empty if all is well.
  };
  Status GetStatus();

  // The plugin instances that run, one line each for `l2p plugins`.
  enum class Role {
    kLive,
    kVerifies,   // A hasher that does not write.
    kMovesAway,  // A store whose blocks are being moved to the live one.
  };
  struct ActivePlugin {
    std::string kind;
    std::string name;
    std::string version;
    std::map<std::string, std::string> settings;
    Role role = Role::kLive;
  };
  std::vector<ActivePlugin> ActivePlugins() const;

  // The slots that are swapped while the node runs.
  Slots& slots();

  // Takes edited settings over: those of the slots at once; a line in the log names the others,
  // which count from the next start. On an error nothing that it names has changed.
  absl::Status Follow(const NodeConfig& newer);

  // How safe what `id` leads to is, as its holders say. Waits for up to two minutes.
  absl::StatusOr<Health> CheckHealth(const Cid& id);

  Content& content();
  GarbageCollector& collector();
  PeerScores& scores();
  Network& network();
  Memory& memory();
  Runtime& runtime();
  const NodeConfig& config() const;
  const PluginRegistry& plugins() const;
  const Crypto& crypto() const;
  const Hashers& hashers() const;
  std::string RenderMetrics();

 private:
  struct Parts;
  explicit KernelNode(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_NODE_H_
