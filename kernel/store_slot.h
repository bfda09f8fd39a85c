#ifndef L2P_KERNEL_STORE_SLOT_H_
#define L2P_KERNEL_STORE_SLOT_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernel/content/moving_store.h"
#include "kernel/loader/registry.h"
#include "kernel/loader/slot.h"
#include "kernel/node_config.h"
#include "kernel/slot_record.h"
#include "l2p/runtime.h"

namespace l2p {

// The StoreSlot is the place of the node's store. It remembers which plugin has the blocks; when
// the settings name another one it opens both, and moves the blocks while the node runs. The first
// store's folder and state are removed when all is durable in the second. A power cut or a kill at
// any moment loses nothing: the next start goes on, or, if storage.plugin names the first one
// again, moves everything back.
//
// Open, Start and Stop are called once each, in this order, by one task; the rest is [any thread]
// after Open.
class StoreSlot {
 public:
  struct Parts {  // Lent; they outlive this.
    Runtime& runtime;
    PluginRegistry& plugins;
    State& state;  // The kernel's: row "slot/storage".
    std::function<Host&(const std::string& kind, const std::string& name)> host_for;
  };
  StoreSlot(Parts parts, const NodeConfig& config);
  ~StoreSlot();

  // Opens what storage.plugin names, and what has the blocks. InvalidArgument when blocks would go
  // to a store that forgets them.
  absl::Status Open();
  absl::Status Start();
  void Stop();

  PluginSlot<BlockStore>& store() { return store_; }

  // The plugins that are open, the one that is written to first.
  struct Instance {
    std::string plugin;
    std::string version;
    std::map<std::string, std::string> settings;
  };
  std::vector<Instance> Instances() const;

  struct Move {
    std::string from;
    std::string to;
    MovingStore::Progress progress;
    std::string problem;  // Why it does not go on at the moment; empty if it does.
  };
  std::optional<Move> move() const;  // Nothing when none is running.

 private:
  struct Opened;

  absl::StatusOr<Opened> OpenStore(const std::string& name, const SlotRecord& record) const;
  absl::Status OpenOne(const SlotRecord& record);
  absl::Status OpenTwo(const std::string& from, SlotRecord record);
  absl::Status WriteRecord(const SlotRecord& record) const;
  // Removes the folder and the state of `record.left`, if any, and takes note of it.
  absl::Status RemoveLeft(SlotRecord& record);

  void Run();
  absl::Status FinishMove();

  const Parts parts_;
  const NodeConfig& config_;
  const std::string wanted_;
  PluginSlot<BlockStore> store_;
  std::shared_ptr<MovingStore> moving_;  // Set by Open; what it is afterwards, it stays.
  std::atomic<bool> stopping_ = false;
  const std::unique_ptr<Event> stop_;

  mutable Mutex mutex_{"StoreSlot"};
  std::vector<Instance> instances_ L2P_GUARDED_BY(mutex_);
  std::optional<Move> move_ L2P_GUARDED_BY(mutex_);  // Without its progress.
  TaskGroup tasks_;
};

}  // namespace l2p

#endif  // L2P_KERNEL_STORE_SLOT_H_
