#ifndef L2P_STATE_H_
#define L2P_STATE_H_

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "l2p/api.h"
#include "l2p/status.h"

namespace l2p {

// A State is a small sorted table of keys and values that survives restarts: one per plugin
// instance name, and one of the kernel. Keys and values are any bytes; keys at most 1 KiB, values
// at most 1 MiB.
//
// [any thread]. One SQLite file in a node, a map with the same crash rules in the simulator.
class L2P_SDK_API State {
 public:
  struct Row {
    std::string key;
    std::string value;
  };
  struct Change {
    std::string key;
    std::optional<std::string> value;  // nullopt removes the key (which may be missing).
  };

  virtual ~State();

  // NotFound when there is no such key.
  virtual absl::StatusOr<std::string> Get(std::string_view key) = 0;

  // Up to `most` rows with keys that start with `prefix` and are greater than `after`, in bytewise
  // order of key. Pass the last key of one answer as `after` of the next.
  virtual absl::StatusOr<std::vector<Row>> Scan(std::string_view prefix, std::string_view after,
                                                size_t most) = 0;

  // Applies all changes or none; durable when it returns OK. Of two changes to one key the later
  // wins.
  virtual absl::Status Commit(std::span<const Change> changes) = 0;
};

// Visits all rows with keys that start with `prefix`, in order, `at_once` of them in memory. Ends
// with the first error of `visit`, which may wait and may call `state`.
L2P_SDK_API absl::Status ForEachRow(State& state, std::string_view prefix, size_t at_once,
                                    const std::function<absl::Status(const State::Row&)>& visit);

}  // namespace l2p

#endif  // L2P_STATE_H_
