// A node whose power goes in the middle of a put, at any change it makes on its disk.
#include <gtest/gtest.h>

#include <cstdlib>

#include "l2p/testkit/conformance.h"
#include "tests/long_form.h"
#include "tests/swarm/simulated/sim_swarm.h"

namespace l2p {
namespace {

using testkit::TestBytes;

constexpr size_t kFiles = 4;

std::string FileOf(size_t i) { return TestBytes(i, 150'000 + 40'000 * i); }

Content::PutOptions Named(size_t i) {
  Content::PutOptions options = SimSwarm::Local();
  options.name = std::string(1, static_cast<char>('a' + i));
  return options;
}

// Small segments, so that puts seal them, and one file is removed so that they are compacted.
SimSwarm::Options OneNode(uint64_t seed) {
  return {.nodes = 1, .seed = seed, .settings = {"storage.pack.segment=256KiB"}};
}

struct Acknowledged {
  std::map<std::string, std::string> files;  // By name.
  std::string under_way;                     // The name being put or removed at the end.
};

// Puts and removes until the disk stops or all is done.
Acknowledged Work(SimSwarm& swarm) {
  Acknowledged acknowledged;
  for (size_t i = 0; i < kFiles; ++i) {
    acknowledged.under_way = Named(i).name;
    if (!swarm.Put(0, FileOf(i), Named(i)).ok()) return acknowledged;
    acknowledged.files[Named(i).name] = FileOf(i);
    if (i != 1) continue;
    acknowledged.under_way = "a";
    const bool removed = swarm.node(0).content().Remove("a").ok();
    acknowledged.files.erase("a");
    if (!removed) return acknowledged;
  }
  acknowledged.under_way.clear();
  return acknowledged;
}

uint64_t ChangesOfAll() {
  uint64_t changes = 0;
  SimSwarm swarm(OneNode(1));
  swarm.Run([&] {
    const uint64_t before = swarm.disk(0).counts().changes();
    EXPECT_EQ(Work(swarm).files.size(), kFiles - 1);
    changes = swarm.disk(0).counts().changes() - before;
  });
  return changes;
}

void ExpectWhole(SimSwarm& swarm, const Acknowledged& acknowledged) {
  const auto roots = swarm.node(0).content().Files();
  ASSERT_TRUE(roots.ok()) << roots.status();
  std::map<std::string, std::string> files;
  uint64_t content = 0;
  for (const Root& root : *roots) {
    const auto got = swarm.Get(0, root.id, true);
    ASSERT_TRUE(got.ok()) << root.name << ": " << got.status();
    files[root.name] = got->lone();
    content += got->lone().size();
  }
  // What was under way may be there, but then it is whole.
  if (!acknowledged.under_way.empty() && files.contains(acknowledged.under_way)) {
    EXPECT_EQ(files[acknowledged.under_way], FileOf(acknowledged.under_way[0] - 'a'));
    files.erase(acknowledged.under_way);
  }
  EXPECT_EQ(files, acknowledged.files);
  EXPECT_EQ(swarm.node(0).GetStatus().held_groups, roots->size());
  EXPECT_LT(swarm.node(0).GetStatus().store.bytes, content + 10'000)
      << "what the interrupted put left is freed";
}

// In parts, each a process of its own: what a node owned whose power was cut is never freed.
class CrashPoints : public testing::TestWithParam<uint64_t> {
 public:
  static constexpr uint64_t kParts = 20;

 protected:
  // A sanitizer makes each some twenty times as slow.
  static uint64_t PointsOfAPart() {
#if defined(__SANITIZE_ADDRESS__)
    return 25;
#else
    return IsLongForm() ? 1000 : 500;
#endif
  }
};

TEST_P(CrashPoints, KeepWhatWasAcknowledgedAndNothingOfTheRest) {
  const uint64_t changes = ChangesOfAll();
  ASSERT_GT(changes, 50u);
  const uint64_t points = PointsOfAPart();
  const uint64_t first = GetParam() * points + 1;
  size_t interrupted = 0;
  for (uint64_t seed = first; seed < first + points && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    SimSwarm swarm(OneNode(seed));
    swarm.Run([&] {
      swarm.disk(0).StopAt(1 + seed * 7919 % changes);
      const Acknowledged acknowledged = Work(swarm);
      if (!acknowledged.under_way.empty()) ++interrupted;
      swarm.CutPower(0);
      swarm.Start(0);
      ExpectWhole(swarm, acknowledged);
      // It goes on as if nothing had been.
      const auto put = swarm.Put(0, FileOf(9), Named(9));
      ASSERT_TRUE(put.ok()) << put.status();
      EXPECT_EQ(swarm.Get(0, put->id, true)->lone(), FileOf(9));
    });
  }
  EXPECT_GT(interrupted, points / 2);
}

INSTANTIATE_TEST_SUITE_P(Parts, CrashPoints, testing::Range<uint64_t>(0, CrashPoints::kParts));

}  // namespace
}  // namespace l2p
