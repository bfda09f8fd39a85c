#ifndef L2P_TESTS_SWARM_SIMULATED_KEEPER_WORLD_H_
#define L2P_TESTS_SWARM_SIMULATED_KEEPER_WORLD_H_

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "l2p/group_record.h"
#include "l2p/service.h"
#include "l2p/sidecar.h"
#include "tests/swarm/simulated/sim_swarm.h"

namespace l2p {

// A KeeperWorld is a SimSwarm of nodes that run the keeper, with groups whose holders the test
// knows and chooses.
class KeeperWorld {
 public:
  struct Options {
    size_t nodes = 12;
    uint64_t seed = 1;
    SimSwarm::Settings settings = {};
    std::map<size_t, SimSwarm::Settings> of_node = {};
    std::vector<const PluginDescriptor*> plugins = {};  // Beside the built ones.
    Duration longest_run = absl::Hours(24 * 30);
  };
  explicit KeeperWorld(Options options);

  SimSwarm& swarm() { return swarm_; }
  Node& NodeAt(size_t i);
  const Identity& IdentityAt(size_t i);
  Time Now() { return swarm_.simulation().Now(); }
  void Sleep(Duration time) { swarm_.simulation().Sleep(time); }

  // A group that an owner has put on holders.
  struct Kept {
    Multihash id;
    Cid root;  // The same, as a user names it.
    Redundancy spec;
    std::string content;
    Group group;                     // All of it.
    std::optional<Sidecar> sidecar;  // If it is coded.
    std::vector<size_t> holders;     // By place, at first.
  };
  // As an owner's node does, which then has nothing more to do with it. Fails the test when a
  // holder refuses.
  Kept Put(size_t owner, const std::string& content, const Redundancy& spec);

  // Running nodes that hold something of the group, the owner left out.
  std::vector<size_t> HoldersOf(const Kept& kept);
  // Different pieces, or whole copies, that running nodes have on disk complete.
  size_t LivePieces(const Kept& kept);
  // The same of any group of nodes that `counts`, and how many are needed (one if nobody says).
  struct Pieces {
    size_t there = 0;
    size_t needed = 1;
  };
  Pieces PiecesOf(const Multihash& group, const std::function<bool(size_t)>& counts);
  // The groups that node `i` has promised to keep for others and has every block of.
  std::set<Multihash> WholeGroupsOf(size_t i);
  // Blocks that it gives away under an id that is not theirs.
  std::vector<Multihash> WrongBlocksOf(size_t i);
  // What can be read of running nodes' disks, decoded if need be; "" when it is lost.
  std::string Read(const Kept& kept);

  // Sums over all nodes, of a plugin's counter such as "repairs_total"; of the keeper's with those
  // of nodes' earlier lives.
  int64_t Total(const std::string& counter);
  int64_t CounterOf(size_t i, const std::string& counter);  // Of this life.

  // What calls on streams did against their deadlines, or would have done against kLongestWait.
  std::vector<std::string> LateCalls();
  static constexpr Duration kLongestWait = absl::Minutes(1);

  void Kill(size_t i);
  void CutPower(size_t i);
  void Stop(size_t i);
  void Start(size_t i) { swarm_.Start(i); }

 private:
  void Remember(size_t i);
  std::vector<HeldGroups::Content> HeldBy(size_t i);
  bool HasAll(size_t i, const std::vector<Multihash>& ids);
  std::optional<std::string> BlockOf(const Kept& kept, const Multihash& id);

  SimSwarm swarm_;
  std::map<std::string, int64_t> past_;
};

}  // namespace l2p

#endif  // L2P_TESTS_SWARM_SIMULATED_KEEPER_WORLD_H_
