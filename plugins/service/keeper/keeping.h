#ifndef L2P_PLUGINS_SERVICE_KEEPER_KEEPING_H_
#define L2P_PLUGINS_SERVICE_KEEPER_KEEPING_H_

#include <algorithm>
#include <optional>

#include "keep_rule.h"
#include "l2p/host.h"
#include "l2p/service.h"
#include "roster.h"

namespace l2p::keeper {

struct Options {
  KeepRule rule;
  Duration interval = absl::Minutes(10);               // Between two probes of one peer, at least.
  size_t probes_per_day = 3000;                        // Of all peers together.
  size_t audits_per_day = 500;                         // As well.
  Duration audit_allowance = absl::Milliseconds(150);  // Beyond the way there and back.
  uint64_t repair_rate = 10 << 20;                     // Bytes a second, fetched and pushed.
  Duration forget = absl::Hours(24 * 60);              // A peer away for so long.
  size_t window_bytes = 16 << 20;                      // Of data pieces, rebuilt at a time.
};

// What the parts of a keeper share; all lent by the KeeperService.
struct Keeping {
  Host& host;
  Node& node;
  Roster& roster;
  const Options& options;
  Event& stopping;  // Set when the service stops.

  PeerId self() const { return host.identity().peer(); }
  bool stopped() const { return stopping.Wait(absl::InfinitePast()); }
  // False when the service stops meanwhile.
  bool Sleep(Duration time) const { return !stopping.Wait(host.Now() + time); }
  // As Calls::Next, but ends when the service does.
  std::optional<Calls::Answer> Next(Calls& calls, Time deadline) const {
    constexpr Duration kSlice = absl::Milliseconds(500);
    for (;;) {
      if (stopped()) return std::nullopt;
      const Time until = std::min(deadline, host.Now() + kSlice);
      std::optional<Calls::Answer> answer = calls.Next(until);
      if (answer || until == deadline || calls.on_the_way() == 0) return answer;
    }
  }
  void Log(Severity severity, std::string_view text) const { host.Log(severity, text); }
};

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_KEEPING_H_
