#ifndef L2P_PLUGINS_SERVICE_KEEPER_KEEP_RULE_H_
#define L2P_PLUGINS_SERVICE_KEEPER_KEEP_RULE_H_

#include <cstddef>
#include <span>
#include <vector>

#include "l2p/crypto.h"
#include "l2p/event.h"
#include "l2p/multihash.h"
#include "l2p/redundancy.h"

namespace l2p::keeper {

// Where in a group's stripes a holder's pieces are: the holder at place p keeps piece
// (p - stripe) mod N of each. kWhole for a holder of a whole copy.
using Place = uint16_t;
inline constexpr Place kWhole = 255;

// What decides when a group is rebuilt: numbers from the settings. A value.
struct KeepRule {
  Duration grace = absl::Hours(4);        // A peer that is away for less is not gone.
  Duration takeover = absl::Minutes(20);  // How long the next in order waits for the one before.
  size_t margin_thousandths = 625;        // Of N - K that may be left when repair begins.

  // Live pieces at or below which a group is repaired: K + floor((N - K) * 5/8) by default. Never
  // N, or a healthy group would be repaired.
  size_t Threshold(size_t needed, size_t holders) const;

  // With so few within reach a quarter of the grace must do: half way from the threshold to K,
  // rounded up. So it does for every loss of a group of three copies.
  size_t UrgentLevel(size_t needed, size_t holders) const;
};

// A member of a group as one node sees it.
struct MemberView {
  PeerId peer;
  Place place = kWhole;
  Time absent_since = absl::InfiniteFuture();  // InfiniteFuture: within reach.
  bool trusted = true;                         // False after a failed audit, or before the first.

  bool within_reach() const { return absent_since == absl::InfiniteFuture(); }
};

// How many pieces of a group there are: different places, or whole copies.
struct Census {
  size_t within_reach = 0;
  size_t counted = 0;  // And those of peers that are away, but not gone.
};
Census Count(std::span<const MemberView> members, Time now, Duration grace);

// What one member makes of its group.
struct Verdict {
  size_t needed = 1;   // K
  size_t holders = 0;  // N
  size_t threshold = 0;
  Census census;
  Duration grace;  // That counted, here.
  bool repair_due = false;
};
// `members` is everyone, this node included.
Verdict Judge(const KeepRule& rule, const Redundancy& spec, std::span<const MemberView> members,
              Time now);

// The places nobody who counts has, ascending; for whole copies kWhole as often as copies lack.
std::vector<Place> MissingPlaces(const Redundancy& spec, std::span<const MemberView> members,
                                 Time now, Duration grace);

// Position in the order that every node gives the same peers for this group: ascending by
// SHA-256(group, peer).
Sha256Digest OrderOf(const Crypto& crypto, const Multihash& group, const PeerId& peer);

// How many trusted members within reach come before `self`: 0 repairs at once, n waits n
// takeovers.
size_t RankOf(const Crypto& crypto, const Multihash& group, const PeerId& self,
              std::span<const MemberView> members);

}  // namespace l2p::keeper

#endif  // L2P_PLUGINS_SERVICE_KEEPER_KEEP_RULE_H_
