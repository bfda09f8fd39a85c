#ifndef L2P_KERNEL_SLOTS_H_
#define L2P_KERNEL_SLOTS_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kernel/content/hashers.h"
#include "kernel/loader/registry.h"
#include "kernel/loader/slot.h"
#include "kernel/node_config.h"
#include "kernel/slot_record.h"
#include "l2p/chunker.h"
#include "l2p/runtime.h"
#include "l2p/state.h"

namespace l2p {

// Slots are the places of the two kinds whose live plugin is swapped while the node runs: chunking,
// where a put takes its chunker, and hashing, where it takes the hasher that writes. (The other
// hashers are loaded as well, and verify.)
//
// What is live is what the settings say, until it is swapped; a swap is recorded and holds, across
// restarts, until the settings that it replaced are edited. A KEY=VALUE of the command line beats
// both for its run.
//
// [any thread] after Open.
class Slots {
 public:
  struct Parts {  // Lent; they outlive this.
    Runtime& runtime;
    PluginRegistry& plugins;
    State& state;  // The kernel's: rows "slot/<kind>".
    Hashers& hashers;
    std::function<Host&(const std::string& kind, const std::string& name)> host_for;
  };
  Slots(Parts parts, NodeConfig config);

  // Puts an instance in each slot. An error names the setting at fault; a recorded swap that cannot
  // be restored is logged, and the settings count.
  absl::Status Open();

  struct Slot {
    std::string kind;
    std::string plugin;
    std::string version;
    std::map<std::string, std::string> settings;
    uint64_t generation = 0;  // Swaps so far, across restarts.
    bool swapped = false;     // Another word than the settings' holds.
  };

  // Puts an instance of plugin `name` in place, with `settings` over what the node's settings say
  // for it. Running puts end with the instance that they began with; it is destroyed with the last.
  // On an error nothing has changed: NotFound for a kind or plugin that there is none of,
  // InvalidArgument for a setting, Unimplemented for a kind whose swap needs a restart, Aborted
  // while another swap runs.
  absl::StatusOr<Slot> Swap(const std::string& kind, const std::string& name,
                            const std::map<std::string, std::string>& settings);

  // Does what the settings say where `newer` says something else than the settings did so far. On
  // an error the slot at fault stays as it is.
  absl::Status Follow(const NodeConfig& newer);

  std::vector<Slot> List() const;

  // Hashers that verify but do not write, as slots without a generation.
  std::vector<Slot> Verifying() const;

  std::shared_ptr<Chunker> chunker() const { return chunker_.Get(); }
  PluginSlot<Hasher>& hasher() { return hasher_; }

  // A new chunker by plugin name (empty: what is live), `size` over its setting of that name.
  absl::StatusOr<std::shared_ptr<Chunker>> MakeChunker(const std::string& name,
                                                       std::optional<uint64_t> size) const;

 private:
  struct Instance;
  using Values = std::map<std::string, std::string>;

  absl::Status OpenSlot(const std::string& kind);
  absl::Status AddVerifying();
  // An instance that is not live yet: of what the settings say, of the recorded swap, of any
  // plugin.
  absl::StatusOr<Instance> Configured(const std::string& kind, const NodeConfig& config) const;
  absl::StatusOr<Instance> Recorded(const std::string& kind, const SlotRecord& record) const;
  absl::StatusOr<Instance> Make(const PluginDescriptor& plugin, const Settings& settings) const;
  // Records `instance`, then puts it in place.
  absl::StatusOr<Slot> Change(const std::string& kind, Instance instance, bool swapped);
  Slot Install(const std::string& kind, Instance instance);

  NodeConfig config() const;

  const Parts parts_;
  PluginSlot<Chunker> chunker_;
  PluginSlot<Hasher> hasher_;
  mutable Mutex mutex_{"Slots"};
  NodeConfig config_ L2P_GUARDED_BY(mutex_);
  std::map<std::string, Slot> live_ L2P_GUARDED_BY(mutex_);       // By kind.
  std::map<std::string, Slot> verifying_ L2P_GUARDED_BY(mutex_);  // Hashers, by name.
  std::atomic<bool> changing_ = false;  // One change at a time; another is refused meanwhile.
};

}  // namespace l2p

#endif  // L2P_KERNEL_SLOTS_H_
