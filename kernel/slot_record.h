#ifndef L2P_KERNEL_SLOT_RECORD_H_
#define L2P_KERNEL_SLOT_RECORD_H_

#include <cstdint>
#include <map>
#include <string>

#include "l2p/state.h"

namespace l2p {

// A SlotRecord is what a node remembers of one kind's slot across restarts: the row "slot/<kind>"
// of the kernel's state.
struct SlotRecord {
  std::string plugin;  // Empty: what the settings say.
  uint64_t generation = 0;
  std::map<std::string, std::string> settings;    // Of the plugin.
  std::map<std::string, std::string> configured;  // What the settings said when it was swapped.
  // Of storage alone, where `plugin` has the blocks.
  std::string moving_to;  // The plugin that blocks are copied to, and new ones are put in.
  std::string left;       // The plugin whose folder is still to be removed.
};

// A record without a plugin if there is no row.
absl::StatusOr<SlotRecord> ReadSlotRecord(State& state, const std::string& kind);
absl::Status WriteSlotRecord(State& state, const std::string& kind, const SlotRecord& record);

}  // namespace l2p

#endif  // L2P_KERNEL_SLOT_RECORD_H_
