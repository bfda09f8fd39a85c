#ifndef L2P_TESTS_SWARM_SIMULATED_HISTORY_H_
#define L2P_TESTS_SWARM_SIMULATED_HISTORY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/swarm/simulated/keeper_world.h"

namespace l2p {

// What happens to a swarm of whole nodes in one history. The same options give the same history.
struct HistoryOptions {
  size_t nodes = 12;
  uint64_t seed = 1;
  Duration length = absl::Hours(24);

  Duration lifetime = absl::InfiniteDuration();  // Of a node, in the mean; another takes its place.
  Duration fault_every = absl::Hours(1);         // Of all nodes together, in the mean.
  Duration put_every = absl::Hours(2);
  Duration get_every = absl::Minutes(20);
  size_t objects = 40;       // Kept at a time, at most.
  size_t most_away = 2;      // Nodes that are out of reach, or died a short while ago.
  size_t liars = 0;          // Nodes whose disks give away other bytes than were put.
  size_t largest = 300'000;  // Bytes of an object.
  std::string chunker = "fixed:16KiB";
  // A killed process leaves its memory behind in the simulator. In long histories nodes are stopped
  // instead, cut off from everybody before.
  bool kill = true;
  std::vector<std::string> redundancies = {"auto", "copies:3", "rs:2/6"};
  size_t small = 0;  // Nodes that are full soon.
  SimSwarm::Settings settings = {};
  // Of all nodes that are there from the beginning, and beats any other: to break them on purpose.
  SimSwarm::Settings defects = {};
  bool ignore_deadlines = false;  // Of calls over the network: a defect as well.
  bool tell = false;              // Prints each event to stderr.

  // One of all kinds of histories: small swarms, short times, much going wrong.
  static HistoryOptions Random(uint64_t seed);

  KeeperWorld::Options World() const;
};

// How it went.
struct HistoryReport {
  // Each promise that was not kept, with the time; empty if all is well. The promises: what was
  // acknowledged is readable with the right bytes as long as enough of its pieces are within reach
  // of the reader, or no more nodes were out of reach at any time than may be; nothing is lost for
  // good; what a holder has promised is there after a crash or a power cut; nobody gives away other
  // bytes than an id's; no store outgrows its quota; no call outlives its deadline, a user's or one
  // over the network, where none is far; when the faults have ended every group is back above the
  // level that is repaired at, and nobody holds what was removed.
  std::vector<std::string> broken;

  size_t puts = 0;
  size_t acknowledged = 0;
  size_t removed = 0;
  size_t gets = 0;
  size_t unreadable = 0;  // Gets that failed while too few pieces were within reach.
  size_t faults = 0;
  size_t deaths = 0;
  size_t lost = 0;
  Duration longest_put;  // Of those by nodes that nothing happened to.
  Duration longest_get;
  Duration longest_wait;  // That a call over the network would have waited.
  int64_t repairs = 0;
  uint64_t repair_bytes = 0;  // Fetched and pushed by keepers.
  uint64_t wire_bytes = 0;    // All that nodes sent.
  double byte_years = 0;      // Of user data kept, bytes times years.
  uint64_t trace = 0;

  double moved_per_byte_and_year() const {
    return byte_years > 0 ? static_cast<double>(repair_bytes) / byte_years : 0;
  }
};

HistoryReport RunHistory(const HistoryOptions& options);

}  // namespace l2p

#endif  // L2P_TESTS_SWARM_SIMULATED_HISTORY_H_
