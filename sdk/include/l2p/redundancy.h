#ifndef L2P_REDUNDANCY_H_
#define L2P_REDUNDANCY_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "l2p/group.h"
#include "l2p/status.h"

namespace l2p {

// How redundantly an object is stored: whole copies, coded pieces of which any K are enough, or
// whichever of them suits the swarm.
//
//   spec := "copies:" N  |  "rs:" K "/" N  |  "auto"
//
// A value; any thread.
struct L2P_SDK_API Redundancy {
  static constexpr size_t kMaxHolders = 40;
  static constexpr size_t kTinyGroup = 16 * 1024;  // Bytes up to which a group is copied whole.

  enum class Kind { kCopies, kReedSolomon, kAuto };
  Kind kind = Kind::kAuto;
  size_t needed = 1;   // K: holders, any of them, that give the group back; 1 for copies.
  size_t holders = 0;  // N; 0 for auto.

  // InvalidArgument unless 1 <= N <= kMaxHolders and, for rs, 2 <= K < N.
  static absl::StatusOr<Redundancy> Parse(std::string_view text);
  static Redundancy Copies(size_t holders) { return {Kind::kCopies, 1, holders}; }
  static Redundancy ReedSolomon(size_t needed, size_t holders) {
    return {Kind::kReedSolomon, needed, holders};
  }
  std::string ToString() const;

  // What auto means where `usable` peers may hold (the one who puts is not one of them): from 24
  // rs:8/24, from 6 rs:F/3F with F = usable / 3, below copies:min(3, usable), at least 1. Others
  // stay.
  Redundancy Resolve(size_t usable) const;

  // What it means for one group: a group without leaves, or of at most kTinyGroup bytes, is not
  // coded but copied to N-K+1 holders, so that it outlives as many losses. REQUIRES: resolved.
  Redundancy ForGroup(const Group& group) const;

  bool coded() const { return kind == Kind::kReedSolomon; }
  size_t margin() const { return holders - needed; }  // Holders, any of them, that may be lost.

  friend bool operator==(const Redundancy&, const Redundancy&) = default;
};

}  // namespace l2p

#endif  // L2P_REDUNDANCY_H_
