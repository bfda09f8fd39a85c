#include <random>

#include "tests/swarm/simulated/defective_stores.h"
#include "tests/swarm/simulated/history.h"

namespace l2p {

HistoryOptions HistoryOptions::Random(uint64_t seed) {
  std::mt19937_64 random(~seed);
  HistoryOptions options;
  options.seed = seed;
  options.nodes = 8 + random() % 8;
  options.length = absl::Hours(6 + random() % 18);
  options.fault_every = absl::Minutes(10 + random() % 60);
  options.put_every = absl::Minutes(20 + random() % 60);
  options.get_every = absl::Minutes(5 + random() % 20);
  options.objects = 5 + random() % 15;
  options.liars = random() % 3 == 0 ? 1 : 0;
  options.most_away = 2 - options.liars;
  if (random() % 2 == 0) options.lifetime = absl::Hours(24 * (2 + random() % 8));
  if (random() % 4 == 0) options.small = 2;
  return options;
}

KeeperWorld::Options HistoryOptions::World() const {
  KeeperWorld::Options world;
  world.nodes = nodes;
  world.seed = seed;
  world.settings = settings;
  world.longest_run = length + absl::Hours(48);
  world.plugins = {&kLyingStore, &kUnsyncedStore};
  for (size_t i = 0; i < small; ++i) {
    world.of_node[1 + i] = {"storage.quota=1MiB", "storage.pack.segment=256KiB"};
  }
  for (size_t i = 0; i < liars; ++i) {
    world.of_node[nodes - 1 - i] = {"storage.plugin=lying"};
  }
  for (size_t i = 0; i < nodes && !defects.empty(); ++i) {
    world.of_node[i].insert(world.of_node[i].end(), defects.begin(), defects.end());
  }
  return world;
}

}  // namespace l2p
